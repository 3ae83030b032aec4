#include "mri/segment_batch.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <new>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/decode_apart.h>
#include <fovea/io/hash.h>

#include "mri/case_list.h"
#include "mri/model_folder.h"
#include "problems.h"
#include "progress.h"
#include "slide/csv_table.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kNoticesShown = 20;
constexpr const char* kStateFile = "case.json";

struct Outcome {
  std::string state = "not done", reason;
  double seconds = 0, volume_ml = 0;
  std::size_t lesions = 0;
  bool good() const { return state == "done" || state == "already there"; }
};

/// Size and time of everything an input consists of: cheap, and different after every edit.
void add_identity(const fs::path& path, Json& identity) {
  std::error_code ignored;
  const auto add = [&](const fs::path& file) {
    const auto time = fs::last_write_time(file, ignored).time_since_epoch().count();
    identity.push_back({fs::file_size(file, ignored), time});
  };
  if (!fs::is_directory(path, ignored)) return add(path);
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator entry(path, ignored), end; entry != end; entry.increment(ignored))
    if (entry->is_regular_file(ignored)) files.push_back(entry->path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) add(file);
}

class Batch {
 public:
  Batch(const JobValues& values, const std::vector<Parameter>& parameters, const RunCase& run, const ProgressSink& sink,
        const std::stop_token& stop)
      : values_(values),
        parameters_(parameters),
        run_(run),
        sink_(sink),
        meter_(sink, stop),
        out_(values.text("out")) {}

  JobResult run() {
    check();
    meter_.stage("reading the list", 0, 0.01);
    list_ = list_cases(values_.text("cases"), parameters_);
    outcomes_.resize(list_.cases.size());
    // Once here: a model that cannot be opened is no fault of a case.
    model_sha256_ = checked_sha256(values_.text("model"));
    io::prepare_output_folder(out_);
    for (std::size_t i = 0; i < list_.cases.size(); ++i) {
      throw_if_stopped(meter_.stop());
      run_case(i);
    }
    return result();
  }

 private:
  void check() const {
    std::vector<std::string> problems;
    if (!values_.list("volumes").empty()) problems.push_back("give volumes or --cases, not both");
    for (const char* name : {"dump", "dicom-seg"})
      if (values_.given(name))
        problems.push_back("--" + std::string(name) + " names one file: give it as a column of the list");
    refuse_problems(problems, "mri segment");
  }

  JobRequest request_of(const ListedCase& one) const {
    JobRequest request = values_.request();
    request.values.erase("cases");
    for (const auto& [name, value] : one.values) request.values[name] = value;
    request.values["out"] = (out_ / one.id).string();
    return request;
  }

  std::string key_of(const JobRequest& request) const {
    JobRequest plain = request;
    Json inputs = Json::array();
    for (const Parameter& parameter : parameters_) {
      const auto found = plain.values.find(parameter.name);
      if (found == plain.values.end()) continue;
      if (parameter.type == ParameterType::kFile && parameter.name != "model")
        if (const std::string& path = std::get<std::string>(found->second); !path.empty()) add_identity(path, inputs);
      if (parameter.type == ParameterType::kFileList)
        for (const std::string& path : std::get<std::vector<std::string>>(found->second)) add_identity(path, inputs);
      if (parameter.name == "modality")
        for (const std::string& given : std::get<std::vector<std::string>>(found->second))
          add_identity(given.substr(given.find('=') + 1), inputs);
      if (parameter.name == "brain-mask")
        if (const std::string& given = std::get<std::string>(found->second); fs::exists(given))
          add_identity(given, inputs);
    }
    for (const char* name : {"out", "threads", "model"}) plain.values.erase(name);
    const std::string text = version() + model_sha256_ + to_json(plain) + inputs.dump();
    return io::sha256(std::as_bytes(std::span(text)));
  }

  /// The state of a finished case with this key; null when it is not there.
  Json finished(const ListedCase& one, const std::string& key) const {
    std::error_code ignored;
    if (!fs::exists(out_ / one.id / "report.json", ignored)) return nullptr;
    std::ifstream stream(out_ / one.id / kStateFile);
    const Json state = Json::parse(stream, nullptr, false);
    return state.is_object() && state.value("key", "") == key ? state : Json(nullptr);
  }

  void run_case(std::size_t index) {
    const ListedCase& one = list_.cases[index];
    Outcome& outcome = outcomes_[index];
    const auto start = std::chrono::steady_clock::now();
    const io::DecodeApart apart;
    try {
      if (!one.problem.empty()) {
        outcome.state = "failed", outcome.reason = one.problem;
      } else {
        const JobRequest request = request_of(one);
        const std::string key = key_of(request);
        if (const Json state = finished(one, key); state.is_object())
          outcome.state = "already there", outcome.lesions = state.value("lesions", std::size_t{0}),
          outcome.volume_ml = state.value("volume_ml", 0.0);
        else
          segment(index, request, key);
      }
    } catch (const Error& error) {
      // A full disk and a stop are not the case's fault, and would meet the next one as well.
      if (error.code() == ErrorCode::kCancelled || error.code() == ErrorCode::kWriteFailed) throw;
      outcome.state = "failed", outcome.reason = error.problem() + ". " + error.remedy();
    } catch (const std::bad_alloc&) {
      outcome.state = "failed",
      outcome.reason = "there was not enough memory for it. Run it alone on a larger machine.";
    } catch (const std::exception& error) {
      outcome.state = "failed", outcome.reason = error.what();
    }
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    meter_.stage(stage_of(index, "done"), share(index + 1), share(index + 1));
    meter_.advance(1, one.id + ": " + outcome.state + (outcome.reason.empty() ? "" : ", " + outcome.reason));
  }

  double share(std::size_t index) const {
    return 0.01 + 0.98 * static_cast<double>(index) / static_cast<double>(list_.cases.size());
  }
  std::string stage_of(std::size_t index, const std::string& stage) const {
    return "case " + std::to_string(index + 1) + " of " + std::to_string(list_.cases.size()) + ": " + stage;
  }

  void segment(std::size_t index, const JobRequest& request, const std::string& key) {
    const ProgressSink within = [&](const Progress& progress) {
      if (!sink_) return;
      Progress whole = progress;
      whole.stage = stage_of(index, progress.stage);
      whole.fraction = share(index) + std::max(0.0, progress.fraction) * (share(index + 1) - share(index));
      sink_(whole);
    };
    const JobResult done = run_(request, within, meter_.stop());
    Outcome& outcome = outcomes_[index];
    const Json report = Json::parse(done.json, nullptr, false);
    if (report.is_object() && report.contains("lesions")) {
      outcome.lesions = report["lesions"].size();
      for (const Json& lesion : report["lesions"]) outcome.volume_ml += lesion.value("volume_ml", 0.0);
    }
    const Json state{{"fovea_case", 1}, {"key", key}, {"lesions", outcome.lesions}, {"volume_ml", outcome.volume_ml}};
    io::write_file(out_ / list_.cases[index].id / kStateFile, state.dump(2) + "\n");
    outcome.state = "done";
  }

  std::size_t count(const std::string& state) const {
    return static_cast<std::size_t>(
        std::count_if(outcomes_.begin(), outcomes_.end(), [&](const Outcome& o) { return o.state == state; }));
  }

  JobResult result() const {
    std::string csv = "row,case_id,state,lesions,volume_ml,seconds,reason\n";
    Json cases = Json::array();
    JobResult result;
    std::size_t good = 0;
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
      const ListedCase& one = list_.cases[i];
      const Outcome& o = outcomes_[i];
      good += o.good();
      csv += std::to_string(one.row) + "," + slide::csv_cell(one.id) + "," + o.state + "," +
             (o.good() ? std::to_string(o.lesions) : "") + "," + (o.good() ? slide::exact_text(o.volume_ml) : "") +
             "," + slide::fixed_text(o.seconds, 2) + "," + slide::csv_cell(o.reason) + "\n";
      Json entry{{"row", one.row}, {"case_id", one.id}, {"state", o.state}, {"seconds", o.seconds}};
      if (o.good()) entry["lesions"] = o.lesions, entry["volume_ml"] = o.volume_ml;
      if (!o.reason.empty()) entry["reason"] = o.reason;
      cases.push_back(std::move(entry));
    }
    Json json{{"producer", "fovea " + version()}, {"model_sha256", model_sha256_}, {"cases", cases.size()}};
    for (const char* state : {"done", "already there", "failed"}) json["counts"][state] = count(state);
    json["results"] = std::move(cases);
    io::write_file(out_ / "summary.csv", csv);
    io::write_file(out_ / "summary.json", json.dump(2) + "\n");
    result.outputs = {out_ / "summary.csv", out_ / "summary.json"};
    result.notices = list_.notices;
    add_failures(result.notices);
    result.exit_code = good == outcomes_.size() ? 0 : good == 0 ? 3 : 2;
    result.text = std::to_string(outcomes_.size()) + " cases: " + std::to_string(count("done")) + " done, " +
                  std::to_string(count("already there")) + " already there, " + std::to_string(count("failed")) +
                  " failed\n";
    result.json = json.dump(2);
    return result;
  }

  void add_failures(std::vector<std::string>& notices) const {
    std::size_t shown = 0;
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
      if (outcomes_[i].good()) continue;
      if (++shown > kNoticesShown) continue;
      notices.push_back((list_.cases[i].id.empty() ? "row " + std::to_string(list_.cases[i].row) : list_.cases[i].id) +
                        ": " + outcomes_[i].reason);
    }
    if (shown > kNoticesShown)
      notices.push_back("and " + std::to_string(shown - kNoticesShown) + " more, all in summary.csv");
  }

  const JobValues& values_;
  const std::vector<Parameter>& parameters_;
  const RunCase& run_;
  const ProgressSink& sink_;
  ProgressMeter meter_;
  fs::path out_;
  CaseList list_;
  std::vector<Outcome> outcomes_;
  std::string model_sha256_;
};

}  // namespace

JobResult segment_cases(const JobValues& values, const std::vector<Parameter>& parameters, const RunCase& run,
                        const ProgressSink& sink, const std::stop_token& stop) {
  return Batch(values, parameters, run, sink, stop).run();
}

}  // namespace fovea::pipeline::mri
