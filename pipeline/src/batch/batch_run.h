// A process's share of a batch: cases that nobody else has, one after the other, until none is left.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "batch/case_key.h"
#include "batch/lease.h"
#include "batch/manifest.h"
#include "batch/run_case.h"
#include "batch/status.h"
#include "progress.h"

namespace fovea::pipeline::batch {

struct RunOptions {
  bool retry_failed = false;  ///< also those with partial results
  bool isolate = false;
  bool wait = false;        ///< for what other processes have, to take it over should they die
  bool by_content = false;  ///< inputs are known by their content, not by path, size and time
  CaseLimits limits;        ///< with `isolate`
  double lease_seconds = 120;
  double first = 0;  ///< where in the list to begin, 0..1: processes that start together meet less
};

struct Tally {
  std::vector<CaseStatus> statuses;  ///< in the order of the cases
  std::size_t of(State state) const;
  std::size_t elsewhere = 0;  ///< of the running ones: held by other processes
  std::size_t ran = 0;        ///< by this process
};

class BatchRun {
 public:
  BatchRun(const std::vector<Case>& cases, const BatchFolder& folder, const RunOptions& options, ProgressMeter& meter);
  /// Error(kCancelled) after a stop request: the interrupted case is pending again, its work is kept.
  /// Error(kWriteFailed or kDevice) when nothing can be recorded or computed any more; the cases left are for another
  /// process.
  Tally run();

 private:
  enum class Visit { kSettled, kBusy, kRan };
  std::size_t pass();
  Visit visit(std::size_t index);
  bool settled(const Case& item, const CaseStatus& status) const;
  void run_case(std::size_t index, CaseStatus status, Lease& lease);
  std::optional<Outcome> outcome_of(std::size_t index, const JobRequest& request, CaseStatus status,
                                    const Lease& lease);
  void finish(const Case& item, CaseStatus status, const Outcome& outcome, const std::filesystem::path& work);
  void advance(double share, const std::string& note = {});
  const std::string& key(std::size_t index);

  const std::vector<Case>& cases_;
  const BatchFolder& folder_;
  RunOptions options_;
  ProgressMeter& meter_;
  CaseKeys keys_;
  std::vector<std::string> key_of_;
  LeaseFolder leases_;
  double began_;
  std::size_t settled_ = 0, ran_ = 0;
};

/// Statuses as they stand, without running anything.
Tally tally_of(const std::vector<Case>& cases, const BatchFolder& folder, bool by_content);

}  // namespace fovea::pipeline::batch
