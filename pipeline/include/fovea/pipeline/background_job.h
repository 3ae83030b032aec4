// A job in a process of its own that goes on when the program that started it ends or dies, followed through a small
// file. `fovea COMMAND --status FILE` writes that file, whoever started it.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/pipeline/job.h>

namespace fovea::pipeline {

struct JobStatus {
  enum class State {
    kNone,     ///< no job was ever started there
    kRunning,  ///< its process lives
    kDone,     ///< with a result; see exit_code
    kFailed,   ///< with an error
    kStopped,  ///< by its user
    kLost      ///< its process is gone and said nothing: killed, or the machine was switched off
  };
  State state = State::kNone;
  Progress progress;  ///< the newest; `data` is empty
  int exit_code = 0;  ///< of kDone: 0 or 2
  std::vector<std::string> notices;
  std::string problem;        ///< of kFailed and kLost: sentences, may name files
  std::int64_t process = -1;  ///< of kRunning, where it is one of this machine
};

/// The newest progress of a job, and at its end the result or error, in a file that is replaced whole.
class StatusFile {
 public:
  explicit StatusFile(std::filesystem::path file) : file_(std::move(file)) {}
  /// `line`: a JSON object with "type": "progress", "result" or "error", as --json-progress prints it. Progress is
  /// written at most once a second. A file that cannot be written is no reason to end the job: nothing is thrown.
  void write(std::string_view line);

 private:
  std::filesystem::path file_;
  std::mutex mutex_;
  double written_ = -1;  ///< seconds of a steady clock
};

/// A file that is not there, or is none, is kNone.
JobStatus read_job_status(const std::filesystem::path& file);

/// Names in the folder of a background job.
inline constexpr const char* kJobRequest = "request.json";  ///< for `fovea run`
inline constexpr const char* kJobStatus = "status.json";
inline constexpr const char* kJobMessages = "messages.txt";  ///< its standard error

/// Writes the request into `folder` (made if need be) and starts it there, a little below the priority of this
/// program. Error(kUsage) when one is at work in the folder, Error(kNotFound) without the program, Error(kWriteFailed).
void start_background(const JobRequest& request, const std::filesystem::path& folder);
/// As Ctrl-C: it writes its checkpoint, where it has one, and ends within two seconds. False when none is at work
/// there.
bool stop_background(const std::filesystem::path& folder);

}  // namespace fovea::pipeline
