// The status file: written by the job's process, read by anybody.
#include <fovea/pipeline/background_job.h>

#include <chrono>
#include <fstream>
#include <iterator>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include <fovea/io/atomic_file.h>

#include "process_mark.h"

namespace fovea::pipeline {
namespace {

using Json = nlohmann::json;
using State = JobStatus::State;

constexpr int kCancelled = 130;

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void take_progress(const Json& json, JobStatus& status) {
  status.progress.stage = json.value("stage", "");
  status.progress.fraction = json.value("fraction", 0.0);
  status.progress.eta_seconds = json.value("eta_seconds", -1.0);
  status.progress.note = json.value("note", "");
  const std::int64_t process = json.value("process", std::int64_t{-1});
  const bool here = !machine_mark().empty() && json.value("machine", "") == machine_mark();
  // Of a process elsewhere nothing is known but what it says.
  const bool alive = !here || birth_of(process) == json.value("birth", "-");
  status.state = alive ? State::kRunning : State::kLost;
  if (here && alive) status.process = process;
  if (!alive) status.problem = "Its process is gone and left no word: it was killed, or the machine was switched off.";
}

JobStatus status_of(const Json& json) {
  JobStatus status;
  const std::string type = json.value("type", "");
  if (type == "progress") take_progress(json, status);
  if (type == "result") {
    status.state = State::kDone, status.progress.fraction = 1;
    status.exit_code = json.value("exit_code", 0);
    status.notices = json.value("notices", std::vector<std::string>{});
  }
  if (type == "error") {
    status.exit_code = json.value("exit_code", 3);
    status.state = status.exit_code == kCancelled ? State::kStopped : State::kFailed;
    status.problem = json.value("message", "");
  }
  return status;
}

}  // namespace

void StatusFile::write(std::string_view line) {
  const std::lock_guard lock(mutex_);
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return;
  if (json.value("type", "") == "progress") {
    const double now = now_seconds();
    if (written_ >= 0 && now - written_ < 1) return;
    written_ = now;
  }
  json["fovea_status"] = 1;
  json["process"] = ::getpid(), json["machine"] = machine_mark(), json["birth"] = birth_of(::getpid());
  try {
    io::write_file(file_, json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  } catch (const std::exception&) {
  }
}

JobStatus read_job_status(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("fovea_status")) return {};
  try {
    return status_of(json);
  } catch (const Json::exception&) {
    return {};
  }
}

}  // namespace fovea::pipeline
