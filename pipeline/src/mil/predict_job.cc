// `mil predict`: trained models on feature bags, one after the other, whatever a single bag is like.
#include "jobs/jobs.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/attention_export.h>
#include <fovea/io/bag.h>
#include <fovea/io/hash.h>

#include "mil/bag_files.h"
#include "mil/bag_prediction.h"
#include "mil/ensemble.h"
#include "mil/prediction_log.h"
#include "mil/run_files.h"
#include "progress.h"
#include "run_scope.h"
#include "slide/attention_values.h"
#include "slide/bag_checks.h"
#include "slide/csv_table.h"

namespace fovea::pipeline {
namespace mil {
namespace {

constexpr std::int64_t kAheadBytes = 256LL << 20;

class PredictRun {
 public:
  PredictRun(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : values_(values), meter_(sink, std::move(stop)), threads_(values.integer("threads")), out_(values.text("out")) {}

  JobResult run() {
    meter_.stage("loading models", 0, 0.05);
    const Ensemble ensemble(model_files());
    find_items(ensemble);
    const OutputFolder folder(out_);
    evaluation::PredictionTable empty{ensemble.head().task(), ensemble.head().classes(), ensemble.head().times(), {}};
    PredictionLog log(out_, empty, fingerprint(ensemble));
    predict(ensemble, log);
    return finish(log, empty);
  }

 private:
  std::vector<std::filesystem::path> model_files() const {
    const std::vector<std::string>& models = values_.list("model");
    if (models.empty() == values_.text("run").empty())
      throw Error(ErrorCode::kUsage, "fovea mil predict", "give either --model or --run", "See --help.");
    if (!models.empty()) return {models.begin(), models.end()};
    return models_of_run(values_.text("run"));
  }

  void find_items(const Ensemble& ensemble) {
    const auto bags = find_bags(values_.text("bags"));
    if (values_.text("labels").empty()) {
      for (const auto& [name, file] : bags) items_.push_back({.case_id = name, .slide_id = name, .parts = {file}});
      return;
    }
    for (const slide::CsvRow& row : slide::read_csv(values_.text("labels"), {"slide_id"})) {
      const auto cell = [&](const char* column) {
        const auto found = row.find(column);
        return found == row.end() ? std::string{} : found->second;
      };
      const std::string slide = cell("slide_id");
      const auto bag = bags.find(slide);
      if (bag == bags.end() || !rows_.emplace(slide, evaluation::PredictionRow{}).second) {
        left_out_.push_back({slide, bag == bags.end() ? "no features" : "the table names it more than once"});
        continue;
      }
      evaluation::PredictionRow& known = rows_.at(slide);
      known.case_id = cell("case_id").empty() ? slide : cell("case_id");
      state(known, ensemble.head(), cell("label"), cell("time"), cell("event"));
      items_.push_back({.case_id = known.case_id, .slide_id = slide, .parts = {bag->second}});
    }
  }

  static double as_number(const std::string& text) {
    double value = std::numeric_limits<double>::quiet_NaN();
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

  /// What the table says is true. A number may stand for a class.
  static void state(evaluation::PredictionRow& row, const TaskHead& head, const std::string& label,
                    const std::string& time, const std::string& event) {
    if (head.task() == evaluation::Task::kRegression) row.target = as_number(label);
    if (head.task() == evaluation::Task::kSurvival) {
      row.time = as_number(time);
      if (event == "0" || event == "1") row.event = event == "1";
    }
    const auto& classes = head.classes();
    if (classes.empty()) return;
    row.label = label;
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), index);
    if (std::find(classes.begin(), classes.end(), label) == classes.end() && error == std::errc{} &&
        end == label.data() + label.size() && index < classes.size())
      row.label = classes[index];
  }

  /// Changes with models, bags and labels: what a log of another time may not be mixed with.
  std::string fingerprint(const Ensemble& ensemble) const {
    std::string text = version() + ensemble.fingerprint();
    for (const Item& item : items_) {
      const std::filesystem::path& file = item.parts.front().file;
      std::error_code ignored;
      text += item.slide_id + "|" + std::to_string(std::filesystem::file_size(file, ignored)) + "|" +
              std::to_string(std::filesystem::last_write_time(file, ignored).time_since_epoch().count()) + ";";
    }
    if (!values_.text("labels").empty()) text += io::sha256_of_file(values_.text("labels"));
    return io::sha256(std::as_bytes(std::span<const char>(text)));
  }

  void predict(const Ensemble& ensemble, PredictionLog& log) {
    meter_.stage("predicting", 0.05, 0.99);
    std::vector<const Item*> order;
    for (const Item& item : items_)
      if (!log.done(item.slide_id)) order.push_back(&item);
    BagStore store(0);
    BagQueue queue(store, order, ensemble.features(), {}, kAheadBytes);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Delivery delivery = queue.next();
      if (!delivery.problem.empty())
        leave_out(*order[i], delivery.problem);
      else
        predict_one(ensemble, *order[i], delivery.bag, log);
      meter_.advance(static_cast<double>(i + 1) / static_cast<double>(order.size()));
    }
  }

  void predict_one(const Ensemble& ensemble, const Item& item, const Bag& bag, PredictionLog& log) {
    try {
      if (const std::string problem = slide::other_encoder(bag.encoder, ensemble.encoder()); !problem.empty())
        throw Error(ErrorCode::kShape, item.slide_id, problem);
      BagVerdict verdict = ensemble.verdict(bag);
      if (const auto known = rows_.find(item.slide_id); known != rows_.end()) {
        verdict.row.label = known->second.label, verdict.row.target = known->second.target;
        verdict.row.time = known->second.time, verdict.row.event = known->second.event;
      }
      verdict.row.case_id = item.case_id, verdict.row.slide_id = item.slide_id, verdict.row.part = "test";
      if (values_.flag("attention")) write_attention(item, bag, verdict);
      log.add(verdict.row, concentration_of(std::move(verdict.mean)));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled || error.code() == ErrorCode::kWriteFailed) throw;
      leave_out(item, error.problem());
    }
  }

  void leave_out(const Item& item, const std::string& reason) {
    left_out_.push_back({item.slide_id, reason});
    ++failed_;
  }

  void write_attention(const Item& item, const Bag& bag, const BagVerdict& verdict) {
    if (!bag.coords.defined()) {
      ++without_places_;
      return;
    }
    const std::filesystem::path folder = out_ / "attention";
    std::filesystem::create_directories(folder);
    const std::vector<float> ranks = slide::percentile_ranks(verdict.mean);
    const at::Tensor coords = bag.coords.contiguous();
    const BagFile& part = item.parts.front();
    const double footprint = io::read_bag(part.file, part.key).geometry.footprint_px;
    io::write_attention_h5(folder / (item.slide_id + ".h5"),
                           {{coords.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(coords.numel())},
                            footprint,
                            verdict.raw,
                            verdict.softmax,
                            ranks,
                            "attention_percentile",
                            verdict.maps});
  }

  JobResult finish(PredictionLog& log, const evaluation::PredictionTable& empty) {
    meter_.stage("writing predictions", 0.99, 1);
    JobResult result;
    const std::size_t resumed = log.resumed();
    if (failed_ == items_.size())
      throw Error(ErrorCode::kCorrupt, "--bags",
                  "no bag could be predicted: " + (left_out_.empty() ? "there is none" : left_out_.back().reason),
                  "Check the features, and that the table of labels names their slides.");
    result.outputs = log.finish(empty);
    if (resumed > 0)
      result.notices.push_back(std::to_string(resumed) + " bags were done by an earlier, interrupted run");
    if (without_places_ > 0)
      result.notices.push_back(std::to_string(without_places_) +
                               " bags do not say where their instances lie: no attention "
                               "file was written for them");
    report_left_out(result);
    const auto done = items_.size() - failed_;
    result.text = std::to_string(done) + " of " + std::to_string(items_.size()) + " bags predicted\n";
    result.json = nlohmann::ordered_json{
        {"fovea_mil_prediction", 1},
        {"bags", items_.size()},
        {"predicted", done},
        {"left_out", left_out_.size()},
        {"resumed",
         resumed}}.dump(2);
    return result;
  }

  void report_left_out(JobResult& result) {
    if (left_out_.empty()) return;
    std::map<std::string, std::size_t> reasons;
    for (const LeftOut& out : left_out_) ++reasons[out.reason];
    for (const auto& [reason, count] : reasons)
      result.notices.push_back(std::to_string(count) + (count == 1 ? " bag was" : " bags were") +
                               " left out: " + reason);
    io::write_file(out_ / kLeftOut, left_out_csv(left_out_));
    result.outputs.push_back(out_ / kLeftOut);
    result.exit_code = 2;
  }

  const JobValues& values_;
  ProgressMeter meter_;
  ThreadCount threads_;
  std::filesystem::path out_;
  std::vector<Item> items_;
  std::map<std::string, evaluation::PredictionRow> rows_;  ///< what the table of labels says, by slide
  std::vector<LeftOut> left_out_;
  std::size_t failed_ = 0, without_places_ = 0;
};

}  // namespace
}  // namespace mil

JobKind mil_predict_job() {
  JobKind kind;
  kind.name = "mil predict";
  kind.summary = "Trained slide models, one or an ensemble, on feature bags";
  kind.details =
      "Bags in every layout that `mil train` reads. Several models, or all of a run, vote by the mean of their "
      "probabilities. Writes predictions.csv, concentration.csv, and with --attention a file for each bag; bags that "
      "cannot be used are listed in left_out.csv and do not stop the others. An interrupted run goes on where it "
      "stopped when it is started again.\n"
      "Exit codes: 0 done, 1 wrong usage, 2 some bags were left out, 3 none could be predicted, 130 cancelled.\n"
      "Example: fovea mil predict --run run1 --bags features/ --labels labels.csv --out predicted";
  kind.parameters = {
      {"model", ParameterType::kFileList, "Weight files of one task"},
      {"run", ParameterType::kFolder, "Folder of `mil train`: all its seeds and folds"},
      {.name = "bags", .type = ParameterType::kFile, .help = "Folder or file with the features", .required = true},
      {"labels", ParameterType::kFile,
       "CSV with slide_id and perhaps case_id, label, time, event; only its slides are predicted"},
      {.name = "out", .type = ParameterType::kOutputFolder, .help = "Where to write", .required = true},
      {"attention", ParameterType::kFlag, "Write attention/<slide>.h5 for every bag that says where its instances lie",
       false},
      {"threads", ParameterType::kInteger, "Processor threads, 0: all", std::int64_t{0}},
  };
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return mil::PredictRun(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
