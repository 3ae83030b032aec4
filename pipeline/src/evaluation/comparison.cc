#include "evaluation/comparison.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include <fovea/base/error.h>

namespace fovea::pipeline::evaluation {
namespace {

std::string predicted_name(const PredictionTable& table, const std::vector<float>& probabilities) {
  if (table.task == Task::kClassification)
    return table.classes[static_cast<std::size_t>(std::max_element(probabilities.begin(), probabilities.end()) -
                                                  probabilities.begin())];
  std::string names;
  for (std::size_t c = 0; c < table.classes.size() && table.task == Task::kMultiLabel; ++c)
    if (probabilities[c] > 0.5F) names += (names.empty() ? "" : ";") + table.classes[c];
  return names;
}

bool same_truth(const PredictionTable& table, const PredictionRow& a, const PredictionRow& b) {
  if (table.task == Task::kSurvival) return a.time == b.time && a.event == b.event;
  if (table.task == Task::kRegression) return a.target == b.target;
  return a.label == b.label;
}

PredictionTable only(const PredictionTable& table, const std::vector<std::string>& slides) {
  std::map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < table.rows.size(); ++i) place[table.rows[i].slide_id] = i;
  PredictionTable chosen{table.task, table.classes, table.times, {}};
  for (const std::string& slide : slides) chosen.rows.push_back(table.rows[place.at(slide)]);
  return chosen;
}

std::vector<std::size_t> every_row(const PredictionTable& table) {
  std::vector<std::size_t> rows(table.rows.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return rows;
}

class Comparer {
 public:
  Comparer(const std::vector<std::string>& names, const EvaluationOptions& options) : options_(options) {
    for (const std::string& name : names) comparison_.models.emplace_back().name = name;
  }

  Comparison run(const std::vector<PredictionTable>& tables) {
    align(tables);
    bootstrap();
    compare_areas();
    correct(&ComparedModel::differences), correct(&ComparedModel::delong);
    return std::move(comparison_);
  }

 private:
  void align(const std::vector<PredictionTable>& tables) {
    std::vector<PredictionTable> slides;
    std::map<std::string, std::size_t> seen;
    for (std::size_t m = 0; m < tables.size(); ++m) {
      slides.push_back(per_slide(tables[m], options_.part));
      if (slides[m].task != slides[0].task || slides[m].classes != slides[0].classes)
        throw Error(ErrorCode::kUsage, comparison_.models[m].name,
                    "its task or its classes are not those of " + comparison_.models[0].name,
                    "Compare models of one task.");
      for (const std::size_t row : labelled_rows(slides[m], "")) ++seen[slides[m].rows[row].slide_id];
    }
    std::vector<std::string> common;
    for (const auto& [slide, count] : seen)
      if (count == tables.size()) common.push_back(slide);
    if (common.empty())
      throw Error(ErrorCode::kUsage, comparison_.models[0].name,
                  "no labelled slide of part '" + options_.part + "' was predicted by all models",
                  "Compare models on the same slides; the slide_id decides.");
    if (common.size() < seen.size())
      comparison_.notices.push_back(std::to_string(seen.size() - common.size()) +
                                    " slides were not predicted by all models and were left out");
    for (std::size_t m = 0; m < tables.size(); ++m) take(m, only(slides[m], common));
    std::set<std::string> cases;
    for (const PredictionRow& row : reference().table.rows) cases.insert(row.case_id);
    comparison_.slides = common.size(), comparison_.cases = cases.size();
    comparison_.several_slides_a_case = cases.size() < common.size();
  }

  void take(std::size_t m, PredictionTable table) {
    comparison_.models[m].table = std::move(table);
    const auto &rows = comparison_.models[m].table.rows, &first = reference().table.rows;
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (!same_truth(reference().table, rows[i], first[i]))
        throw Error(ErrorCode::kUsage, comparison_.models[m].name,
                    "slide '" + rows[i].slide_id + "' has another label there than in " + reference().name,
                    "Predict both with the same table of labels.");
  }

  void bootstrap() {
    const std::vector<std::size_t> rows = every_row(reference().table);
    std::vector<FigureSet> sets;
    for (ComparedModel& model : comparison_.models) {
      sets.push_back(figure_set(model.table, rows, options_.torchmetrics));
      model.values = sets.back().values({});
    }
    comparison_.figures = sets[0].names;
    const std::size_t figures = sets[0].names.size();
    // drawn[model][figure]: differences of the same resampled patients
    std::vector<std::vector<std::vector<double>>> drawn(sets.size(), std::vector<std::vector<double>>(figures));
    std::int64_t done = 0;
    resample(clusters_of(reference().table, rows), options_.replicates, options_.seed, [&](Multiplicity multiplicity) {
      const std::vector<double> first = sets[0].values(multiplicity);
      for (std::size_t m = 1; m < sets.size(); ++m) {
        const std::vector<double> values = sets[m].values(multiplicity);
        for (std::size_t f = 0; f < figures; ++f) drawn[m][f].push_back(values[f] - first[f]);
      }
      if (options_.progress) options_.progress(static_cast<double>(++done) / static_cast<double>(options_.replicates));
    });
    for (std::size_t m = 1; m < sets.size(); ++m)
      for (std::size_t f = 0; f < figures; ++f)
        if (can_be_resampled(sets[0].names[f]))
          comparison_.models[m].differences.push_back(
              {sets[0].names[f], comparison_.models[m].values[f] - reference().values[f],
               percentile_interval(drawn[m][f], options_.confidence), bootstrap_p(drawn[m][f]), 1});
  }

  void compare_areas() {
    const Task task = reference().table.task;
    if (task != Task::kClassification && task != Task::kMultiLabel) return;
    const std::vector<std::size_t> rows = every_row(reference().table);
    const std::size_t classes = reference().table.classes.size();
    const std::size_t first = task == Task::kClassification && classes == 2 ? 1 : 0;  // the other is its mirror image
    for (std::size_t c = first; c < classes; ++c) {
      const std::vector<bool> positive = positives_of(reference().table, rows, c);
      const auto of_reference = delong(scores_of(reference().table, rows, c), positive);
      if (!of_reference) continue;
      for (std::size_t m = 1; m < comparison_.models.size(); ++m) {
        ComparedModel& model = comparison_.models[m];
        const auto of_model = delong(scores_of(model.table, rows, c), positive);
        const PairedTest test = delong_test(*of_model, *of_reference, options_.confidence);
        model.delong.push_back({"auroc " + model.table.classes[c], test.difference, test.interval, test.p, 1});
      }
    }
  }

  /// Over the models, figure by figure.
  void correct(std::vector<Difference> ComparedModel::*differences) {
    auto& models = comparison_.models;
    const std::size_t figures = (models.back().*differences).size();
    for (std::size_t f = 0; f < figures; ++f) {
      std::vector<double> p;
      for (std::size_t m = 1; m < models.size(); ++m) p.push_back((models[m].*differences)[f].p);
      const std::vector<double> corrected = holm(p);
      for (std::size_t m = 1; m < models.size(); ++m) (models[m].*differences)[f].p_holm = corrected[m - 1];
    }
  }

  const ComparedModel& reference() const { return comparison_.models.front(); }

  const EvaluationOptions& options_;
  Comparison comparison_;
};

}  // namespace

PredictionTable per_slide(const PredictionTable& table, const std::string& part) {
  PredictionTable slides{table.task, table.classes, table.times, {}};
  std::map<std::string, std::vector<const PredictionRow*>> of_slide;
  for (const PredictionRow& row : table.rows)
    if (row.part == part) of_slide[row.slide_id].push_back(&row);
  for (const auto& [slide, rows] : of_slide) {
    PredictionRow mean = *rows.front();
    mean.seed = mean.fold = 0;
    const auto count = static_cast<double>(rows.size());
    for (std::size_t c = 0; c < mean.probabilities.size(); ++c) {
      double sum = 0;
      for (const PredictionRow* row : rows) sum += static_cast<double>(row->probabilities[c]);
      mean.probabilities[c] = static_cast<float>(sum / count);
    }
    mean.risk = mean.value = 0;
    for (const PredictionRow* row : rows) mean.risk += row->risk / count, mean.value += row->value / count;
    if (!mean.probabilities.empty()) mean.predicted = predicted_name(table, mean.probabilities);
    slides.rows.push_back(std::move(mean));
  }
  return slides;
}

Comparison compare(const std::vector<PredictionTable>& tables, const std::vector<std::string>& names,
                   const EvaluationOptions& options) {
  if (tables.size() < 2)
    throw Error(ErrorCode::kUsage, "mil compare", "one model cannot be compared", "Name two runs or more.");
  return Comparer(names, options).run(tables);
}

}  // namespace fovea::pipeline::evaluation
