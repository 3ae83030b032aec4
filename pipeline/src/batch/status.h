// What became of each case, one small file a case: the only memory of a batch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "batch/manifest.h"

namespace fovea::pipeline::batch {

enum class State {
  kPending,  ///< to be done; also one that was interrupted
  kRunning,  ///< begun; when nobody holds its lease, its process died
  kDone,     ///< results in OUT/cases/ID
  kPartial,  ///< results there, but the job left some of its items out (exit code 2)
  kFailed,   ///< no results
};
const char* state_name(State state);

struct CaseStatus {
  State state = State::kPending;
  std::string key;  ///< what it is a status of (case_key.h)
  int exit_code = 0;
  std::int64_t attempts = 0;  ///< begun and not interrupted
  std::int64_t deaths = 0;    ///< attempts whose process ended without a word
  double seconds = 0;
  std::string code, problem;  ///< of a failure; no file names
  std::vector<std::string> notices;
  std::vector<std::string> outputs;  ///< relative to the case's folder
};

/// OUT/status, OUT/cases, OUT/work, OUT/leases.
class BatchFolder {
 public:
  /// Makes the folders. Error(kWriteFailed).
  explicit BatchFolder(std::filesystem::path out);

  const std::filesystem::path& out() const { return out_; }
  std::filesystem::path leases() const { return out_ / "leases"; }
  std::filesystem::path results(const std::string& id) const { return out_ / "cases" / id; }

  /// A status of another key, or none that can be read: the case is to be done.
  CaseStatus status(const std::string& id, const std::string& key) const;
  void write(const Case& item, const CaseStatus& status) const;
  /// When the status was written, in seconds by the clock of the machine that holds the folder (LeaseFolder::now).
  double written(const std::string& id) const;

  /// A folder to work in that is this process's alone; call with the case's lease. What an earlier attempt at the same
  /// key left is in it, so that a training goes on where it stopped; a process that lost its lease finds its folder
  /// gone. What was left of other keys is removed.
  std::filesystem::path begin_work(const std::string& id, const std::string& key, const std::string& token) const;
  /// The work becomes the case's results, in place of older ones.
  void publish(const std::string& id, const std::filesystem::path& work) const;

 private:
  std::filesystem::path status_file(const std::string& id) const { return out_ / "status" / (id + ".json"); }
  std::filesystem::path out_;
};

}  // namespace fovea::pipeline::batch
