#include <fovea/pipeline/background_job.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "batch/run_case.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;
using State = JobStatus::State;

constexpr int kNiceness = 5, kCancelled = 130;

/// Standard input and output to nowhere, errors to a file, no signal blocked, in a session of its own: a Ctrl-C or a
/// closed terminal of this program is not for it.
pid_t spawned(const std::vector<std::string>& words, const fs::path& messages) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, messages.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t process = -1;
  const int failed = ::posix_spawn(&process, arguments[0], &files, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0)
    throw Error(ErrorCode::kNotFound, words.front(),
                std::string("the program cannot be started (") + std::strerror(failed) + ")",
                "Check that it is installed and may be executed.");
  return process;
}

/// What a process that died could not say itself. Waits for it, as long as this program lives.
void note_end(pid_t process, const fs::path& status) {
  int end = 0;
  if (::waitpid(process, &end, 0) != process) return;
  const State state = read_job_status(status).state;
  if (state == State::kDone || state == State::kFailed || state == State::kStopped) return;
  const int code = WIFEXITED(end) ? WEXITSTATUS(end) : 3;
  std::string message = "Its process ended with code " + std::to_string(code) + " and without a result.";
  if (code == kCancelled)
    message = "stopped";
  else if (WIFSIGNALED(end))
    message = std::string("Its process was ended by signal ") + std::to_string(WTERMSIG(end)) + " (" +
              ::strsignal(WTERMSIG(end)) + ").";
  StatusFile(status).write(
      nlohmann::json{{"type", "error"}, {"code", "crashed"}, {"message", message}, {"exit_code", code}}.dump());
}

}  // namespace

void start_background(const JobRequest& request, const fs::path& folder) {
  io::prepare_output_folder(folder);
  const fs::path status = folder / kJobStatus, file = folder / kJobRequest;
  if (read_job_status(status).state == State::kRunning)
    throw Error(ErrorCode::kUsage, folder.filename().string(), "a job is at work in this folder already",
                "Stop it first, or choose another folder.");
  const std::string program = batch::fovea_program();
  io::write_file(file, to_json(request));
  // By this process until the other speaks for itself.
  StatusFile(status).write(R"({"type":"progress","stage":"starting","fraction":0})");
  try {
    const pid_t process =
        spawned({program, "run", file.string(), "--status", status.string(), "--quiet"}, folder / kJobMessages);
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(process), kNiceness);
    std::thread(note_end, process, status).detach();
  } catch (...) {
    std::error_code ignored;
    fs::remove(status, ignored);
    throw;
  }
}

bool stop_background(const fs::path& folder) {
  const JobStatus status = read_job_status(folder / kJobStatus);
  if (status.state != State::kRunning || status.process <= 1 || status.process == ::getpid()) return false;
  return ::kill(static_cast<pid_t>(status.process), SIGTERM) == 0;
}

}  // namespace fovea::pipeline
