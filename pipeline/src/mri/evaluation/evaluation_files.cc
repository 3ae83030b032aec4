#include "mri/evaluation/evaluation_files.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include <fovea/pipeline/job.h>

#include "evaluation/page.h"
#include "json_number.h"
#include "slide/csv_table.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

using Json = nlohmann::ordered_json;
using slide::csv_cell;
using slide::exact_text;
using slide::fixed_text;

std::string source_name(MaskSource source) {
  switch (source) {
    case MaskSource::kLabels: return "labels";
    case MaskSource::kThreshold: return "threshold";
    case MaskSource::kBest: return "best";
  }
  return {};
}

Json sweep_json(const Sweep& sweep) {
  Json rows = Json::array();
  for (const SweepRow& row : sweep.rows)
    rows.push_back({{"overlap", row.overlap},
                    {"threshold", row.threshold},
                    {"dice", number_or_null(row.mean.dice)},
                    {"recall", number_or_null(row.mean.recall)},
                    {"precision", number_or_null(row.mean.precision)},
                    {"f1", number_or_null(row.mean.f1)},
                    {"found", row.found},
                    {"total", row.total}});
  Json json{{"best", nullptr}, {"rows", std::move(rows)}};
  if (sweep.best) {
    const SweepRow& best = sweep.rows[*sweep.best];
    json["best"] = {{"overlap", best.overlap}, {"threshold", best.threshold}, {"criterion", best.criterion()}};
  }
  return json;
}

Json spread_json(const evaluation::Spread& spread) {
  return {{"mean", number_or_null(spread.mean)}, {"sd", number_or_null(spread.deviation)}};
}

Json folds_json(const FoldTable& table) {
  Json folds = Json::array();
  for (std::size_t f = 0; f < table.folds.size(); ++f) {
    Json fold{{"fold", table.folds[f]}, {"cases", table.cases[f]}};
    for (const FoldFigure& figure : table.figures) fold[figure.name] = spread_json(figure.folds[f]);
    folds.push_back(std::move(fold));
  }
  Json over = Json::object(), pooled = Json::object();
  for (const FoldFigure& figure : table.figures) {
    over[figure.name] = spread_json(figure.over_folds);
    pooled[figure.name] = {{"mean", number_or_null(figure.pooled_mean)},
                           {"sd", number_or_null(figure.pooled_deviation)}};
  }
  return {{"folds", std::move(folds)}, {"over_folds", std::move(over)}, {"pooled", std::move(pooled)}};
}

Json groups_json(const std::vector<CohortGroup>& groups) {
  Json all = Json::array();
  for (const CohortGroup& group : groups) {
    Json json{
        {"name", group.name}, {"cases", group.cases}, {"with_lesion", group.positives}, {"patients", group.patients}};
    for (const CohortFigure& figure : group.figures) {
      Json one{{"value", number_or_null(figure.value)}};
      one["low"] = figure.interval ? number_or_null(figure.interval->low) : Json(nullptr);
      one["high"] = figure.interval ? number_or_null(figure.interval->high) : Json(nullptr);
      json["figures"][figure.name] = std::move(one);
    }
    all.push_back(std::move(json));
  }
  return all;
}

/// One line of cells, the first as text.
class Line {
 public:
  Line& text(const std::string& value) { return add(csv_cell(value)); }
  Line& number(double value) { return add(exact_text(value)); }
  Line& count(std::int64_t value) { return add(std::to_string(value)); }
  Line& flag(bool value) { return add(value ? "1" : "0"); }
  Line& none(int cells) {
    for (int i = 0; i < cells; ++i) add("");
    return *this;
  }
  std::string end() const { return line_ + "\n"; }

 private:
  Line& add(const std::string& cell) {
    line_ += (first_ ? "" : ",") + cell;
    first_ = false;
    return *this;
  }
  std::string line_;
  bool first_ = true;
};

constexpr int kMeasuredCells = 23;

std::string case_line(const CaseResult& one) {
  Line line;
  line.text(one.files.name).text(one.files.patient).text(one.files.fold).text(one.files.pattern).text(one.files.centre);
  if (!one.usable()) return line.none(kMeasuredCells).text(one.problem).end();
  const CaseMetrics& m = one.metrics;
  line.number(m.reference_ml).number(m.prediction_ml);
  line.number(m.voxel.dice).number(m.voxel.recall).number(m.voxel.precision).number(m.voxel.f1);
  if (m.surface)
    line.number(m.surface->hd95_mm).number(m.surface->assd_mm);
  else
    line.none(2);
  line.count(static_cast<std::int64_t>(m.object.references.size()));
  line.count(static_cast<std::int64_t>(m.object.predictions.size()));
  line.number(m.object.recall).number(m.object.precision).number(m.object.f1);
  line.number(m.object.dice.mean).number(m.object.dice.deviation).number(m.object.voxel_recall.mean);
  line.number(m.object.voxel_precision.mean).number(m.object.voxel_f1.mean);
  line.flag(m.detection.overlap).flag(m.detection.dice).flag(m.detection.centroid);
  line.count(m.detection.components).count(m.detection.false_positives);
  return line.text("").end();
}

void add_objects(std::string& csv, const CaseResult& one, const char* mask, const std::vector<EvaluatedObject>& objects,
                 const std::vector<VoxelMetrics>* metrics) {
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const EvaluatedObject& object = objects[i];
    const Vec3 at = one.geometry.point_lps(object.centroid_index);
    Line line;
    line.text(one.files.name).text(mask).count(static_cast<std::int64_t>(i + 1));
    if (object.match)
      line.count(static_cast<std::int64_t>(*object.match + 1));
    else
      line.none(1);
    line.count(object.voxels).number(static_cast<double>(object.voxels) * one.geometry.voxel_ml());
    line.number(at[0]).number(at[1]).number(at[2]);
    if (metrics && object.match)
      line.number((*metrics)[i].dice)
          .number((*metrics)[i].recall)
          .number((*metrics)[i].precision)
          .number((*metrics)[i].f1);
    else
      line.none(4);
    csv += line.end();
  }
}

}  // namespace

std::size_t SegmentationEvaluation::failed() const {
  return static_cast<std::size_t>(
      std::count_if(cases.begin(), cases.end(), [](const CaseResult& one) { return !one.usable(); }));
}

nlohmann::ordered_json evaluation_json(const SegmentationEvaluation& e) {
  const CohortSettings& s = e.cohort_settings;
  Json json{{"fovea_mri_evaluation", 1}, {"version", version()}};
  json["settings"] = {{"mask", source_name(e.case_settings.source)},
                      {"threshold", e.case_settings.threshold},
                      {"label", e.case_settings.label},
                      {"min_object_voxels", e.case_settings.min_voxels},
                      {"overlap", s.overlap},
                      {"volume_cutoff_ml", s.cutoff_ml},
                      {"split_ml", s.split_ml},
                      {"bootstrap", s.replicates},
                      {"seed", s.seed},
                      {"confidence", s.confidence}};
  json["cases"] = {{"measured", e.cases.size() - e.failed()}, {"failed", e.failed()}};
  json["groups"] = groups_json(e.groups);
  if (!e.sweep.rows.empty()) {
    json["thresholds"] = {{"all", sweep_json(e.sweep)}};
    if (!e.sweep_positive.rows.empty()) json["thresholds"]["with_lesion"] = sweep_json(e.sweep_positive);
  }
  for (const FoldTable& table : e.folds) json["folds"][condition_name(table.condition)] = folds_json(table);
  json["failed"] = Json::array();
  for (const CaseResult& one : e.cases)
    if (!one.usable()) json["failed"].push_back({{"case", one.files.name}, {"problem", one.problem}});
  json["notices"] = e.notices;
  return json;
}

std::string per_case_csv(const SegmentationEvaluation& e) {
  std::string csv =
      "case,patient,fold,pattern,centre,reference_ml,prediction_ml,dice,recall,precision,f1,hd95_mm,assd_mm,"
      "reference_objects,predicted_objects,object_recall,object_precision,object_f1,object_dice,object_dice_sd,"
      "object_voxel_recall,object_voxel_precision,object_voxel_f1,detected_overlap,detected_dice,detected_centroid,"
      "components,false_positive_components,problem\n";
  for (const CaseResult& one : e.cases) csv += case_line(one);
  return csv;
}

std::string per_lesion_csv(const SegmentationEvaluation& e) {
  std::string csv = "case,mask,object,match,voxels,volume_ml,x_lps_mm,y_lps_mm,z_lps_mm,dice,recall,precision,f1\n";
  for (const CaseResult& one : e.cases) {
    if (!one.usable()) continue;
    add_objects(csv, one, "reference", one.metrics.object.references, &one.metrics.object.of_reference);
    add_objects(csv, one, "prediction", one.metrics.object.predictions, nullptr);
  }
  return csv;
}

std::string evaluation_text(const SegmentationEvaluation& e) {
  const CohortGroup& all = e.groups.front();
  std::string text;
  for (const CohortFigure& figure : all.figures) {
    std::string name = cohort_figure_words(figure.name);
    name.resize(std::max<std::size_t>(name.size(), 42), ' ');
    text += name + " " + evaluation::figure_cell(figure.value);
    if (figure.interval)
      text += "  (" + fixed_text(figure.interval->low, 3) + " to " + fixed_text(figure.interval->high, 3) + ")";
    text += "\n";
  }
  text += std::to_string(all.cases) + " cases measured, " + std::to_string(all.positives) + " with a lesion";
  if (e.failed() > 0) text += "; " + std::to_string(e.failed()) + " could not be measured (per_case.csv says why)";
  text += "\n";
  if (e.sweep.best) {
    const SweepRow& best = e.sweep.rows[*e.sweep.best];
    text += "best threshold " + fixed_text(best.threshold, 1) + " at an overlap of " + fixed_text(best.overlap, 2) +
            ": mean Dice " + evaluation::figure_cell(best.mean.dice) + ", " + std::to_string(best.found) + " of " +
            std::to_string(best.total) + " found\n";
  }
  return text;
}

}  // namespace fovea::pipeline::mri
