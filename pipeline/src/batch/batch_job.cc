// `batch`: thousands of cases of any job, by any number of processes over one folder.
#include "jobs/jobs.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "batch/batch_run.h"
#include "batch/slurm.h"
#include "batch/summary.h"
#include "problems.h"

namespace fovea::pipeline {
namespace batch {
namespace {

namespace fs = std::filesystem;

std::vector<Parameter> parameters() {
  using T = ParameterType;
  const std::string running = "Running", slurm = "Slurm";
  return {
      {.name = "manifest",
       .type = T::kFile,
       .help = "CSV with a row a case: columns case (an id), job, and the job's options by their names",
       .required = true,
       .positional = true},
      {.name = "out",
       .type = T::kOutputFolder,
       .help = "Folder for everything; several processes may share it",
       .required = true},
      {.name = "job", .type = T::kText, .help = "The job of rows that name none, e.g. \"mri segment\""},
      {.name = "set",
       .type = T::kTextList,
       .help = "Options of every row that does not give its own, NAME=VALUE with commas between"},
      {.name = "retry-failed",
       .type = T::kFlag,
       .help = "Also run again what failed or is partial; else only what is not done",
       .fallback = false,
       .group = running},
      {.name = "isolate",
       .type = T::kFlag,
       .help = "A process of its own for every case, so that a crash is one failed case",
       .fallback = false,
       .group = running},
      {.name = "case-seconds",
       .type = T::kNumber,
       .help = "With --isolate: a case that takes longer has failed (0 = no limit)",
       .fallback = 0.0,
       .group = running},
      {.name = "case-memory-gb",
       .type = T::kNumber,
       .help = "With --isolate: memory that a case may take, in GiB (0 = the machine's)",
       .fallback = 0.0,
       .group = running},
      {.name = "wait",
       .type = T::kFlag,
       .help = "Do not end while other processes run cases; take over those of processes that die",
       .fallback = false,
       .group = running},
      {.name = "hash-inputs",
       .type = T::kFlag,
       .help = "Know inputs by their content instead of path, size and time: copies are not run again",
       .fallback = false,
       .group = running},
      {.name = "lease-seconds",
       .type = T::kNumber,
       .help = "How long a process of another machine may be silent before its case is taken over",
       .fallback = 120.0,
       .group = running},
      {.name = "slurm",
       .type = T::kFlag,
       .help = "Submit an array job that runs what is not done, instead of running it here",
       .fallback = false,
       .group = slurm},
      {.name = "partition", .type = T::kText, .help = "Partition (default: the cluster's)", .group = slurm},
      {.name = "gpus", .type = T::kInteger, .help = "GPUs a task", .fallback = std::int64_t{0}, .group = slurm},
      {.name = "cpus",
       .type = T::kInteger,
       .help = "CPUs a task (0 = the cluster's default)",
       .fallback = std::int64_t{0},
       .group = slurm},
      {.name = "memory", .type = T::kText, .help = "Memory a task, e.g. 16G", .group = slurm},
      {.name = "time", .type = T::kText, .help = "Time limit of a task, e.g. 4:00:00", .group = slurm},
      {.name = "array-size",
       .type = T::kInteger,
       .help = "Tasks of the array, at most",
       .fallback = std::int64_t{4},
       .group = slurm},
  };
}

std::map<std::string, std::string> fixed_of(const std::vector<std::string>& pairs, std::vector<std::string>& problems) {
  std::map<std::string, std::string> fixed;
  for (const std::string& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      problems.push_back("'set' must be NAME=VALUE, not '" + pair + "'");
    else
      fixed[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return fixed;
}

class Batch {
 public:
  Batch(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : values_(values), meter_(sink, std::move(stop)), out_(fs::absolute(values.text("out")).lexically_normal()) {}

  JobResult run() {
    check();
    meter_.stage("reading the manifest", 0, 0.01);
    cases_ = read_manifest({values_.text("manifest"), values_.text("job"), fixed_});
    const BatchFolder folder(out_);
    if (values_.flag("slurm")) return submitted(folder);
    meter_.stage("running cases", 0.01, 1);
    RunOptions options{values_.flag("retry-failed"),
                       values_.flag("isolate"),
                       values_.flag("wait"),
                       values_.flag("hash-inputs"),
                       {values_.number("case-seconds"), values_.number("case-memory-gb")},
                       values_.number("lease-seconds"),
                       share_of_task()};
    try {
      return result(BatchRun(cases_, folder, options, meter_).run());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCancelled) throw;
      throw Error(ErrorCode::kCancelled, "", "stopped; the same command goes on with the cases that are not done");
    }
  }

 private:
  void check() {
    std::vector<std::string> problems;
    fixed_ = fixed_of(values_.list("set"), problems);
    if (values_.number("lease-seconds") < 1) problems.emplace_back("'lease-seconds' must be at least 1");
    if (values_.number("case-seconds") < 0) problems.emplace_back("'case-seconds' must not be negative");
    if (!(values_.number("case-memory-gb") >= 0)) problems.emplace_back("'case-memory-gb' must not be negative");
    for (const char* name : {"case-seconds", "case-memory-gb"})
      if (values_.number(name) > 0 && !values_.flag("isolate"))
        problems.push_back("'" + std::string(name) + "' needs 'isolate'");
    slurm_ = {values_.text("partition"), values_.text("time"),    values_.text("memory"),
              values_.integer("gpus"),   values_.integer("cpus"), values_.integer("array-size")};
    for (std::string& problem : problems_of(slurm_)) problems.push_back(std::move(problem));
    refuse_problems(problems, "batch");
  }

  JobResult submitted(const BatchFolder& folder) {
    const Tally tally = tally_of(cases_, folder, values_.flag("hash-inputs"));
    std::size_t missing = tally.of(State::kPending) + tally.of(State::kRunning);
    if (values_.flag("retry-failed")) missing += tally.of(State::kFailed) + tally.of(State::kPartial);
    JobResult result;
    if (missing == 0) {
      result = this->result(tally);
      result.text += "nothing is left to submit\n";
      return result;
    }
    const Submission submission = submit(request_of_task(), out_, slurm_, missing);
    result.text = std::to_string(missing) + " of " + std::to_string(cases_.size()) + " cases are to be done; " +
                  (submission.was_there ? "job " + submission.job + " is still at it with "
                                        : "submitted job " + submission.job + " with ") +
                  std::to_string(submission.tasks) + (submission.tasks == 1 ? " task\n" : " tasks\n");
    result.json = "{\"fovea_batch_slurm\": 1, \"job\": \"" + submission.job +
                  "\", \"tasks\": " + std::to_string(submission.tasks) + ", \"missing\": " + std::to_string(missing) +
                  ", \"submitted\": " + (submission.was_there ? "false" : "true") + "}";
    return result;
  }

  /// This batch without Slurm, wherever the task's working folder is.
  JobRequest request_of_task() const {
    JobRequest request = values_.request();
    for (const Parameter& parameter : parameters())
      if (parameter.group == "Slurm") request.values.erase(parameter.name);
    request.values["manifest"] = fs::absolute(values_.text("manifest")).string();
    request.values["out"] = out_.string();
    return request;
  }

  JobResult result(const Tally& tally) const {
    JobResult result;
    io::write_file(out_ / "summary.csv", summary_csv(cases_, tally));
    io::write_file(out_ / "summary.json", summary_json(tally) + "\n");
    result.outputs = {out_ / "cases", out_ / "summary.csv", out_ / "summary.json"};
    result.text = summary_text(cases_, tally);
    result.json = summary_json(tally);
    result.exit_code = batch::exit_code_of(tally);
    return result;
  }

  const JobValues& values_;
  ProgressMeter meter_;
  fs::path out_;
  std::map<std::string, std::string> fixed_;
  SlurmOptions slurm_;
  std::vector<Case> cases_;
};

}  // namespace
}  // namespace batch

JobKind batch_job() {
  JobKind kind;
  kind.name = "batch";
  kind.summary = "Thousands of cases of any job, resumable, by any number of processes over one folder";
  kind.details =
      "Checks the whole manifest before anything starts, then runs each case into OUT/cases/ID; OUT/status/ID.json and "
      "summary.csv say\n"
      "what became of each, by its id, never by the name of a file. Run it again, or at the same time on other "
      "machines: done cases are\n"
      "not run again unless their options, inputs or the program's version changed; a case that one process has is "
      "left "
      "alone by the\n"
      "others, and taken over when that process dies. One bad case does not stop the rest. With --slurm an array job "
      "does the work.\n"
      "Exit codes: 0 all done (or others are at it), 1 wrong usage, 2 some failed or partial, 3 none has results, 130 "
      "stopped.\n"
      "Example: fovea batch scans.csv --job \"mri segment\" --set model=model.safetensors --out results";
  kind.parameters = batch::parameters();
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return batch::Batch(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
