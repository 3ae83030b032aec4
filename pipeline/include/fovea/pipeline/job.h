// The product's one facade: a request in, a result out. CLI, desktop, Slicer and tests all go through run_job.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fovea::pipeline {

using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

enum class ParameterType {
  kFlag,
  kInteger,
  kNumber,
  kText,
  kChoice,
  kFile,
  kFolder,
  kOutputFile,
  kOutputFolder,
  kTextList,
  kFileList
};

/// One parameter of a job. The command line, the desktop's form and the Slicer XML are all made from this description.
struct Parameter {
  std::string name;  ///< "min-tissue": CLI option --min-tissue, JSON key "min-tissue"
  ParameterType type = ParameterType::kText;
  std::string help;  ///< one sentence with unit
  Value fallback{};  ///< default; std::string{} = unset for optional text and files
  bool required = false;
  bool positional = false;             ///< given on the command line without --name
  std::vector<std::string> choices{};  ///< kChoice
  std::string group = "Main";
};

/// What to do. `values` holds only what differs from the defaults.
struct JobRequest {
  static constexpr int kVersion = 1;
  std::string kind;  ///< "slide predict", "mri segment", "model import", "selftest", ...
  std::map<std::string, Value> values;
};

struct Progress {
  std::string stage;        ///< "reading tiles"
  double fraction = 0;      ///< 0..1 of the whole job; < 0 = unknown
  double eta_seconds = -1;  ///< < 0 = unknown
  std::string note;         ///< early results and notices, may be empty
  std::string data;         ///< the note for programs: a JSON object, may be empty
};
using ProgressSink = std::function<void(const Progress&)>;

struct JobResult {
  int exit_code = 0;  ///< 0 good, 2 some items failed, 3 none could run or unchecked, 130 cancelled
  std::vector<std::filesystem::path> outputs;
  std::vector<std::string> notices;  ///< sentences the user should read
  std::string text;                  ///< what a terminal should show (tables, selftest lines)
  std::string json;  ///< machine-readable summary of the run (same as the result file where there is one)
};

/// A job kind: a row of the table in pipeline/src/jobs.cc.
struct JobKind {
  std::string name;     ///< words as on the command line
  std::string summary;  ///< one line
  std::string details;  ///< a paragraph for --help: what it reads, writes, exit codes, an example
  std::vector<Parameter> parameters;
  std::function<JobResult(const class JobValues&, const ProgressSink&, std::stop_token)> run;
};
std::span<const JobKind> job_kinds();
const JobKind& job_kind(std::string_view name);  ///< Error(kUsage)

/// The request's values over the kind's defaults, checked: unknown names, wrong types, missing required ones and bad
/// choices are reported together in one Error(kUsage).
class JobValues {
 public:
  JobValues(const JobKind& kind, const JobRequest& request);
  bool flag(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  const std::string& text(std::string_view name) const;  ///< also choices, files and folders
  const std::vector<std::string>& list(std::string_view name) const;
  bool given(std::string_view name) const;  ///< set by the request, not defaulted
  const JobRequest& request() const { return request_; }

 private:
  const Value& at(std::string_view name) const;
  JobRequest request_;
  std::map<std::string, Value, std::less<>> values_;
};

/// Throws fovea::Error; a stop request ends as Error(kCancelled) within 2 s and leaves no partial output.
JobResult run_job(const JobRequest& request, const ProgressSink& progress = {}, std::stop_token stop = {});

// Versioned JSON: {"fovea_job": 1, "kind": "...", "values": {...}}.
std::string to_json(const JobRequest& request);
JobRequest job_from_json(std::string_view json, std::string_view subject = "request");

/// Process exit code of a failed job: 1 usage, 130 cancelled, 3 for everything else (none could run).
int exit_code_of(const std::exception& error);

/// Logging of milestones to stderr; off by default. Never patient identifiers.
void set_verbose(bool verbose);

std::string version();          ///< "0.1.0"
std::string version_details();  ///< with LibTorch, ITK, OpenSlide versions and build

}  // namespace fovea::pipeline
