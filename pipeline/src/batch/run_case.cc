#include "batch/run_case.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include <dlfcn.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/decode_apart.h>

#include "batch/child_process.h"

namespace fovea::pipeline::batch {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Outcome failure(std::string code, std::string problem, int exit_code = 3) {
  Outcome outcome;
  outcome.result.exit_code = exit_code;
  outcome.code = std::move(code), outcome.problem = std::move(problem);
  return outcome;
}

/// What --json-progress says: progress, then one result or error.
class Report {
 public:
  explicit Report(const std::function<void(double)>& advanced) : advanced_(advanced) {}

  void take(std::string_view line) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return;
    const std::string type = json.value("type", "");
    if (type == "progress") advanced_(json.value("fraction", 0.0));
    if (type == "error")
      outcome_ = failure(json.value("code", "internal"), json.value("message", ""), json.value("exit_code", 3));
    if (type == "result") outcome_ = result_of(json);
    if (type == "error" || type == "result") complete_ = true;
  }
  bool complete() const { return complete_; }
  Outcome outcome() && { return std::move(outcome_); }

 private:
  static Outcome result_of(const Json& json) {
    Outcome outcome;
    outcome.result.exit_code = json.value("exit_code", 3);
    for (const Json& path : json.value("outputs", Json::array())) outcome.result.outputs.emplace_back(path);
    outcome.result.notices = json.value("notices", std::vector<std::string>{});
    if (json.contains("result")) outcome.result.json = json["result"].dump(2);
    return outcome;
  }
  const std::function<void(double)>& advanced_;
  Outcome outcome_;
  bool complete_ = false;
};

constexpr double kGib = 1024.0 * 1024 * 1024, kLargestFile = 256 * kGib;

ChildLimits limits_of(const CaseLimits& limits) {
  const double machine = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  return {limits.memory_gb > 0 ? limits.memory_gb * kGib : machine,
          limits.seconds > 0 ? 1 + limits.seconds * std::max(1u, std::thread::hardware_concurrency()) : 0,
          kLargestFile};
}

}  // namespace

Outcome run_here(const JobRequest& request, const std::function<void(double)>& advanced, std::stop_token stop) {
  const io::DecodeApart apart;
  try {
    Outcome outcome;
    outcome.result = run_job(
        request, [&](const Progress& progress) { advanced(progress.fraction); }, stop);
    return outcome;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled && stop.stop_requested()) throw;
    return failure(std::string(error_code_name(error.code())), error.what(), exit_code_of(error));
  }
}

std::string fovea_program() {
  if (const char* named = std::getenv("FOVEA_PROGRAM")) return named;
  std::error_code ignored;
  if (const fs::path self = fs::read_symlink("/proc/self/exe", ignored); self.filename() == "fovea") return self;
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&fovea_program), &here) != 0 && here.dli_fname) {
    const fs::path folder = fs::absolute(here.dli_fname).parent_path();
    for (const fs::path& place : {folder / "fovea", folder.parent_path() / "bin" / "fovea"})
      if (fs::exists(place, ignored)) return place;
  }
  throw Error(ErrorCode::kNotFound, "fovea", "the program is not beside its library",
              "Install Fovea again, or name it in FOVEA_PROGRAM.");
}

Outcome run_isolated(const JobRequest& request, const CaseLimits& limits, const std::function<void(double)>& advanced,
                     std::stop_token stop) {
  Report report(advanced);
  ChildCall call;
  call.arguments = {fovea_program(), "run", "/dev/stdin", "--json-progress"};
  call.input = to_json(request);
  call.line = [&](std::string_view line) { report.take(line); };
  call.stop = std::move(stop), call.seconds = limits.seconds, call.limits = limits_of(limits);
  call.ends_with_us = true;
  const ChildEnd end = run_child(call);
  if (end.timed_out) return failure("timeout", "it did not end within the time given (--case-seconds)");
  if (end.signal == SIGXCPU) return failure("timeout", "it took more processor time than it may (--case-seconds)");
  if (end.signal == SIGXFSZ) return failure("write_failed", "it wrote a larger file than it may");
  if (end.signal != 0)
    return failure("crashed", std::string("its process was ended by signal ") + std::to_string(end.signal) + " (" +
                                  ::strsignal(end.signal) + ")");
  if (!report.complete())
    return failure("crashed", "its process ended with code " + std::to_string(end.exit_code) + " and without a result");
  return std::move(report).outcome();
}

}  // namespace fovea::pipeline::batch
