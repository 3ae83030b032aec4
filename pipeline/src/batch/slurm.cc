#include "batch/slurm.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <set>
#include <span>
#include <string_view>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/hash.h>

#include "batch/child_process.h"
#include "batch/run_case.h"

namespace fovea::pipeline::batch {
namespace {

namespace fs = std::filesystem;
constexpr double kPatienceSeconds = 120;  // a controller under load

bool made_of(const std::string& text, std::string_view also) {
  return std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return c < 128 && (std::isalnum(c) || also.find(static_cast<char>(c)) != std::string_view::npos);
  });
}

std::string quoted(const std::string& text) {
  std::string all = "'";
  for (const char c : text) all += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return all + "'";
}

/// The same for every submission of a folder, so that Slurm can be asked for it.
std::string name_of(const fs::path& out) {
  const std::string path = out.string();
  return "fovea-" + io::sha256(std::as_bytes(std::span(path))).substr(0, 12);
}

std::string script_of(const fs::path& out, const SlurmOptions& options, std::int64_t tasks) {
  std::string script = "#!/bin/sh\n";
  const auto line = [&](const std::string& option) { script += "#SBATCH " + option + "\n"; };
  line("--job-name=" + name_of(out));
  line("--array=0-" + std::to_string(tasks - 1));
  line("--output=\"" + (out / "slurm" / "%A_%a.log").string() + "\"");
  line("--open-mode=append");
  line("--requeue");
  line("--signal=B:TERM@30");
  if (!options.partition.empty()) line("--partition=" + options.partition);
  if (!options.time.empty()) line("--time=" + options.time);
  if (!options.memory.empty()) line("--mem=" + options.memory);
  if (options.gpus > 0) line("--gres=gpu:" + std::to_string(options.gpus));
  if (options.cpus > 0) line("--cpus-per-task=" + std::to_string(options.cpus));
  script += "# exec: Slurm's TERM before the time limit reaches fovea, which puts its case back.\n";
  script += "exec " + quoted(fovea_program()) + " run " + quoted((out / "slurm" / "request.json").string()) + "\n";
  return script;
}

std::vector<std::string> lines_of(std::vector<std::string> command) {
  std::vector<std::string> lines;
  ChildCall call;
  const std::string program = command.front();
  call.arguments = std::move(command), call.seconds = kPatienceSeconds;
  call.line = [&](std::string_view line) { lines.emplace_back(line); };
  const ChildEnd end = run_child(call);
  if (end.exit_code == 0) return lines;
  std::string words = end.timed_out ? "it did not answer" : end.errors;
  while (!words.empty() && std::isspace(static_cast<unsigned char>(words.back()))) words.pop_back();
  throw Error(ErrorCode::kUsage, program, "Slurm refused: " + words,
              "Correct --partition, --gpus, --time, --cpus or --memory (sinfo shows what there is).");
}

}  // namespace

std::vector<std::string> problems_of(const SlurmOptions& options) {
  std::vector<std::string> problems;
  const auto check = [&](bool good, const char* words) {
    if (!good) problems.emplace_back(words);
  };
  check(made_of(options.partition, "._-,"), "'partition' must be names of partitions, with commas between");
  check(made_of(options.time, ":-"), "'time' must be as Slurm writes it: 30, 4:00:00 or 2-12:00:00");
  check(made_of(options.memory, ""), "'memory' must be as Slurm writes it: 16G");
  check(options.gpus >= 0 && options.cpus >= 0, "'gpus' and 'cpus' must not be negative");
  check(options.array_size >= 1, "'array-size' must be at least 1");
  return problems;
}

Submission submit(const JobRequest& batch, const fs::path& out, const SlurmOptions& options, std::size_t missing) {
  if (!made_of(out.string(), "/._-+=,:@ "))
    throw Error(ErrorCode::kUsage, "fovea batch", "the path of --out holds characters that Slurm's scripts cannot",
                "Use letters, digits and ._-+=,:@ in it.");
  Submission submission;
  std::set<std::string> jobs;
  for (const std::string& job :
       lines_of({"squeue", "--noheader", "--array", "--format=%F", "--name=" + name_of(out)})) {
    ++submission.tasks;
    jobs.insert(job);
  }
  if (!jobs.empty()) {
    submission.job = *jobs.rbegin(), submission.was_there = true;
    return submission;
  }
  submission.tasks = std::min(options.array_size, static_cast<std::int64_t>(missing));
  io::prepare_output_folder(out / "slurm");
  io::write_file(out / "slurm" / "request.json", to_json(batch));
  io::write_file(out / "slurm" / "job.sh", script_of(out, options, submission.tasks));
  const auto answer = lines_of({"sbatch", "--parsable", (out / "slurm" / "job.sh").string()});
  if (answer.empty()) throw Error(ErrorCode::kInternal, "sbatch", "it did not say the number of the job", "");
  submission.job = answer.back().substr(0, answer.back().find(';'));
  return submission;
}

double share_of_task() {
  const auto number = [](const char* name) {
    double value = 0;
    if (const char* text = std::getenv(name)) std::from_chars(text, text + std::string_view(text).size(), value);
    return value;
  };
  const double count = number("SLURM_ARRAY_TASK_COUNT"), first = number("SLURM_ARRAY_TASK_MIN");
  if (count < 1) return 0;
  return std::clamp((number("SLURM_ARRAY_TASK_ID") - first) / count, 0.0, 0.999);
}

}  // namespace fovea::pipeline::batch
