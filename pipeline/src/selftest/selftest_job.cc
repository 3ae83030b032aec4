// `fovea selftest`: does this installation compute what it should?
#include "jobs/jobs.h"

#include <algorithm>
#include <filesystem>

#include <ATen/Context.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "progress.h"
#include "selftest/case_file.h"

namespace fovea::pipeline {
namespace selftest {
namespace {

namespace fs = std::filesystem;

/// A file to test; those that were met while walking a folder may turn out to be something else altogether.
struct Candidate {
  fs::path path;
  bool named = false;  ///< given by the user, not found in a folder
};

bool is_json(const fs::path& path) {
  return path.extension() == ".json";
}

void add_folder(const fs::path& folder, std::vector<Candidate>& candidates) {
  std::vector<Candidate> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied))
    if (entry.is_regular_file() && (entry.path().extension() == ".safetensors" || is_json(entry.path())))
      found.push_back({entry.path(), false});
  if (found.empty())
    throw Error(ErrorCode::kNotFound, folder.string(), "the folder holds no self-test case (.safetensors or .json)",
                "Give a folder of fixtures.");
  std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) { return a.path < b.path; });
  candidates.insert(candidates.end(), found.begin(), found.end());
}

std::vector<Candidate> candidates_of(const std::vector<std::string>& arguments) {
  std::vector<Candidate> candidates;
  for (const std::string& argument : arguments) {
    const fs::path path = argument;
    if (!fs::exists(path))
      throw Error(ErrorCode::kNotFound, argument, "there is no such file or folder",
                  "Check the path of the self-test case.");
    if (fs::is_directory(path))
      add_folder(path, candidates);
    else
      candidates.push_back({path, true});
  }
  return candidates;
}

const CaseKind* kind_of(const CaseFile& file) {
  for (const CaseKind& kind : case_kinds())
    if (kind.recognise(file)) return &kind;
  return nullptr;
}

/// LibTorch appends a stack trace to its messages.
std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

CaseReport run_tensor_case(const fs::path& path, const RunOptions& options) {
  CaseReport report{path.string(), "", {}};
  const CaseFile file(path, io::read_safetensors(path));
  const CaseKind* kind = kind_of(file);
  if (!kind) {
    report.fail("(file)", "unknown kind: names and metadata are those of no known fixture");
    return report;
  }
  report.kind = kind->name;
  Expectations expected(file, report, kind->is_expected);
  const bool input_only = kind->is_expected(std::string()) == false && expected.empty() && !kind->run;
  if (expected.empty()) {
    if (!input_only) report.unchecked("(case)", "it holds no expected value");
    return report;
  }
  if (!kind->run) {
    expected.close("not computed by this version");
    return report;
  }
  try {
    kind->run(file, expected, options);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) throw;
    expected.fail_rest(error.what());
  } catch (const std::exception& error) {
    expected.fail_rest(first_line(error.what()));
  }
  return report;
}

/// Nothing when a JSON file met in a folder is no case (a manifest).
std::optional<CaseReport> run_candidate(const Candidate& candidate, const RunOptions& options) {
  CaseReport broken{candidate.path.string(), "", {}};
  try {
    if (!is_json(candidate.path)) return run_tensor_case(candidate.path, options);
    if (auto report = run_json_case(candidate.path, options)) return report;
    if (!candidate.named) return {};
    broken.fail("(file)", "unknown kind: this JSON is no known fixture");
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) throw;
    broken.fail("(file)", error.what());
  } catch (const std::exception& error) {
    broken.fail("(file)", first_line(error.what()));
  }
  return broken;
}

class BackendScope {
 public:
  explicit BackendScope(attention::Backend backend) : before_(attention::backend()) { attention::set_backend(backend); }
  ~BackendScope() { attention::set_backend(before_); }

 private:
  attention::Backend before_;
};

c10::Device device_of(const std::string& name) {
  if (name != "cuda") return c10::kCPU;
  if (!at::globalContext().hasCUDA())
    throw Error(ErrorCode::kDevice, "cuda", "no CUDA device can be used here",
                "Install the driver and run ./run deps --cuda, or use --device cpu.");
  return c10::Device(c10::kCUDA, 0);
}

std::vector<CaseReport> run_all(const std::vector<std::string>& arguments, const RunOptions& options,
                                ProgressMeter& meter) {
  if (arguments.empty()) return run_builtin(options);
  const std::vector<Candidate> candidates = candidates_of(arguments);
  std::vector<CaseReport> reports;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    meter.advance(static_cast<double>(i) / static_cast<double>(candidates.size()));
    if (auto report = run_candidate(candidates[i], options)) reports.push_back(*std::move(report));
  }
  return reports;
}

JobResult run(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  ProgressMeter meter(sink, stop);
  meter.stage("self-test", 0, 1);
  RunOptions options;
  options.device = device_of(values.text("device"));
  options.stop = stop;
  const BackendScope scope(values.text("attention-backend") == "auto"
                               ? attention::backend()
                               : attention::parse_backend(values.text("attention-backend")));
  const std::vector<CaseReport> reports = run_all(values.list("cases"), options, meter);
  JobResult result;
  result.exit_code = exit_code(reports);
  result.text = report_text(reports);
  result.json = report_json(reports);
  return result;
}

}  // namespace
}  // namespace selftest

JobKind selftest_job() {
  using T = ParameterType;
  JobKind kind;
  kind.name = "selftest";
  kind.summary = "Check that this installation computes what it should";
  kind.details =
      "Without arguments: a small built-in set. With arguments: files of expected values (or folders of them), whose "
      "kind is recognised from\n"
      "tensor names and metadata. One line for each expected tensor: name, largest absolute error, tolerance, ok | "
      "FAIL | unchecked, and a\n"
      "closing count of the three. Exit code 0: all good; 2: something failed or is of unknown kind; 3: something "
      "could not be checked.\n"
      "Example: fovea selftest fixtures/mil --attention-backend cpu";
  kind.parameters = {
      {.name = "cases", .type = T::kFileList, .help = "Files or folders with expected values", .positional = true},
      {.name = "device",
       .type = T::kChoice,
       .help = "Where networks run",
       .fallback = std::string("cpu"),
       .choices = {"cpu", "cuda"}},
      {.name = "attention-backend",
       .type = T::kChoice,
       .help = "Which attention kernels are tested",
       .fallback = std::string("auto"),
       .choices = {"auto", "reference", "cpu", "cuda"}}};
  kind.run = selftest::run;
  return kind;
}

}  // namespace fovea::pipeline
