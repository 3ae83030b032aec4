// report.html of `mri evaluate`: figures, charts, the worst, middle and best case as pictures.
#include <algorithm>
#include <cmath>
#include <map>

#include <fovea/base/error.h>
#include <fovea/pipeline/job.h>

#include "evaluation/chart.h"
#include "evaluation/embedded_image.h"
#include "evaluation/page.h"
#include "mri/evaluation/evaluation_files.h"
#include "mri/overlay.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

using evaluation::Chart;
using evaluation::figure_cell;
using evaluation::Page;
using evaluation::Series;
using slide::fixed_text;

constexpr int kPictureWidth = 900;
/// Okabe and Ito's green, vermilion and blue: agreed, missed, invented.
const std::vector<std::array<double, 3>> kColours{{0.00, 0.62, 0.45}, {0.84, 0.37, 0.00}, {0.34, 0.71, 0.91}};

std::string with_interval(const CohortFigure& figure) {
  if (std::isnan(figure.value)) return "–";
  const std::string value = fixed_text(figure.value, 3);
  return figure.interval
             ? value + " (" + fixed_text(figure.interval->low, 3) + "–" + fixed_text(figure.interval->high, 3) + ")"
             : value;
}

void add_groups(Page& page, const SegmentationEvaluation& e) {
  page.section("Figures");
  std::vector<std::string> header{"figure"};
  std::vector<std::vector<std::string>> rows(e.groups.front().figures.size() + 1);
  rows[0].push_back("cases / with lesion / patients");
  for (std::size_t f = 0; f < e.groups.front().figures.size(); ++f)
    rows[f + 1].push_back(cohort_figure_words(e.groups.front().figures[f].name));
  for (const CohortGroup& group : e.groups) {
    header.push_back(group.name);
    rows[0].push_back(std::to_string(group.cases) + " / " + std::to_string(group.positives) + " / " +
                      std::to_string(group.patients));
    for (std::size_t f = 0; f < group.figures.size(); ++f) rows[f + 1].push_back(with_interval(group.figures[f]));
  }
  page.table(header, rows);
  if (e.cohort_settings.replicates > 0)
    page.paragraph(
        "In brackets: " + fixed_text(100 * e.cohort_settings.confidence, 0) +
        " % intervals of a bootstrap over patients. They cover chance in the choice of patients, not another "
        "hospital or scanner.");
}

void add_charts(Page& page, const SegmentationEvaluation& e) {
  Series dots{"", {}, {}, {}, Series::Style::kDots};
  for (const CaseResult& one : e.cases)
    if (one.usable() && one.metrics.reference_ml > 0)
      dots.points.push_back({std::log10(one.metrics.reference_ml), one.metrics.voxel.dice});
  page.section("Charts");
  if (!dots.points.empty())
    page.figure(
        evaluation::chart_svg({"Dice by volume", {"log10 of the reference's volume in ml"}, {"Dice", 0, 1}, {dots}}),
        "Every case with a lesion. Small lesions are harder: one voxel of rim is more of them.");
  if (e.sweep.rows.empty()) return;
  Series dice{"mean Dice of found", {}}, recall{"recall of voxels", {}}, precision{"precision of voxels", {}};
  recall.colour = 1, precision.colour = 2, precision.dashed = true;
  for (const SweepRow& row : e.sweep.rows) {
    if (row.overlap != e.sweep.rows.front().overlap || std::isnan(row.mean.dice)) continue;
    dice.points.push_back({row.threshold, row.mean.dice}), recall.points.push_back({row.threshold, row.mean.recall});
    precision.points.push_back({row.threshold, row.mean.precision});
  }
  page.figure(
      evaluation::chart_svg(
          {"By probability threshold", {"threshold", 0, 1}, {"mean over cases", 0, 1}, {dice, recall, precision}}),
      "At an overlap of " + fixed_text(e.sweep.rows.front().overlap, 2) +
          ". A threshold chosen on these cases makes their own figures too good.");
}

void add_folds(Page& page, const SegmentationEvaluation& e) {
  for (const FoldTable& table : e.folds) {
    page.section("Folds, " + std::string(table.condition == Condition::kAll        ? "all cases"
                                         : table.condition == Condition::kPositive ? "cases with a lesion"
                                                                                   : "found lesions"));
    std::vector<std::string> header{"figure"};
    for (std::size_t f = 0; f < table.folds.size(); ++f)
      header.push_back("fold " + table.folds[f] + " (" + std::to_string(table.cases[f]) + ")");
    header.push_back("folds, mean ± sd"), header.push_back("pooled, mean ± sd");
    std::vector<std::vector<std::string>> rows;
    for (const FoldFigure& figure : table.figures) {
      std::vector<std::string> row{figure.name};
      for (const evaluation::Spread& fold : figure.folds) row.push_back(figure_cell(fold.mean));
      row.push_back(figure_cell(figure.over_folds.mean) + " ± " + figure_cell(figure.over_folds.deviation));
      row.push_back(figure_cell(figure.pooled_mean) + " ± " + figure_cell(figure.pooled_deviation));
      rows.push_back(std::move(row));
    }
    page.table(header, rows);
  }
}

/// The voxel of the reference nearest to the centroid of its largest object, or of the prediction's where there is
/// none.
Vec3 view_of(const CaseMasks& masks) {
  const bool any = std::any_of(masks.reference.begin(), masks.reference.end(), [](std::uint8_t v) { return v != 0; });
  const auto parts = find_components(any ? masks.reference : masks.prediction, masks.geometry.size, Connectivity::k26);
  if (parts.empty()) return centre_of(masks.geometry);
  const Component& largest = *std::max_element(parts.begin(), parts.end(), [](const Component& a, const Component& b) {
    return a.voxels.size() < b.voxels.size();
  });
  // The middle voxel in memory order lies in the middle slice.
  const std::int64_t middle = largest.voxels[largest.voxels.size() / 2];
  const auto& size = masks.geometry.size;
  return masks.geometry.point_lps({static_cast<double>(middle % size[0]),
                                   static_cast<double>(middle / size[0] % size[1]),
                                   static_cast<double>(middle / (size[0] * size[1]))});
}

/// The image behind the masks; nothing but the masks where there is none or it does not fit.
io::Volume background_of(const CaseFiles& files, const io::Geometry& geometry) {
  io::Volume volume;
  if (!files.image.empty()) try {
      volume = io::read_volume(files.image);
    } catch (const Error&) {
    }
  if (volume.geometry.size != geometry.size) volume.values.assign(static_cast<std::size_t>(geometry.voxels()), 0);
  volume.geometry = geometry;
  return volume;
}

void add_picture(Page& page, const SegmentationEvaluation& e, const CaseResult& one, const std::string& rank,
                 const std::filesystem::path& scratch) {
  const CaseMasks masks = read_case_masks(one.files, e.case_settings);
  io::LabelVolume labels{masks.geometry, std::vector<std::uint8_t>(masks.reference.size(), 0)};
  for (std::size_t i = 0; i < labels.values.size(); ++i) {
    const bool reference = masks.reference[i] != 0, prediction = masks.prediction[i] != 0;
    labels.values[i] = reference && prediction ? 1 : reference ? 2 : prediction ? 3 : 0;
  }
  const std::string text = rank + ": case " + one.files.name + ", Dice " + fixed_text(one.metrics.voxel.dice, 3) +
                           ", " + fixed_text(one.metrics.reference_ml, 2) + " ml";
  const OverlayText words{text, {"green: both; orange: missed; blue: predicted alone"}};
  const io::Image picture =
      draw_overlay(background_of(one.files, masks.geometry), labels, view_of(masks), kColours, words);
  page.figure(evaluation::embedded_png(picture, kPictureWidth, scratch, text),
              text + ". Green: both; orange: missed; blue: predicted alone.");
}

void add_pictures(Page& page, const SegmentationEvaluation& e, const std::filesystem::path& scratch,
                  const std::function<void(double)>& advance) {
  std::vector<const CaseResult*> ranked;
  for (const CaseResult& one : e.cases)
    if (one.usable() && one.metrics.reference_ml > e.cohort_settings.cutoff_ml) ranked.push_back(&one);
  if (ranked.empty()) return;
  std::stable_sort(ranked.begin(), ranked.end(), [](const CaseResult* a, const CaseResult* b) {
    return a->metrics.voxel.dice < b->metrics.voxel.dice;
  });
  page.section("Cases");
  std::map<std::size_t, std::string> chosen{{0, "worst"}};
  chosen.emplace((ranked.size() - 1) / 2, "median"), chosen.emplace(ranked.size() - 1, "best");
  std::size_t done = 0;
  for (const auto& [place, rank] : chosen) {
    add_picture(page, e, *ranked[place], rank, scratch);
    advance(static_cast<double>(++done) / static_cast<double>(chosen.size()));
  }
}

void add_definitions(Page& page, const SegmentationEvaluation& e) {
  page.section("Definitions");
  page.list(
      {"Voxels: Dice is 0 without overlap; recall, precision and F1 have 1e-6 in their denominators.",
       "Objects: parts that touch by faces, of at least " + std::to_string(e.case_settings.min_voxels) +
           " voxels, matched one to one by the largest sum of Dice; a match needs more than 0.1.",
       "Patients: found when the Dice is above " + slide::number_text(e.cohort_settings.overlap) +
           "; a false alarm is more than " + slide::number_text(e.cohort_settings.cutoff_ml) +
           " ml predicted where there is no lesion.",
       "HD95: 95th percentile of the distances between the borders, both directions together; ASSD: mean of the two "
       "directions' means. Cases without either mask have neither.",
       "Components (detection, false positives) touch by faces, edges or corners and may be of any size.",
       "Definitions follow raidionicsval where it has them; docs/mri-evaluation.md names every difference."});
}

}  // namespace

std::string evaluation_html(const SegmentationEvaluation& e, const std::filesystem::path& scratch,
                            const std::function<void(double)>& advance) {
  Page page("Evaluation of segmentations");
  const CohortGroup& all = e.groups.front();
  page.paragraph(std::to_string(all.cases) + " cases of " + std::to_string(all.patients) + " patients were measured, " +
                 std::to_string(all.positives) + " with a lesion.");
  for (const std::string& notice : e.notices) page.notice(notice);
  add_groups(page, e);
  if (e.sweep.best) {
    const SweepRow& best = e.sweep.rows[*e.sweep.best];
    page.paragraph("Best threshold over all cases: " + fixed_text(best.threshold, 1) + " at an overlap of " +
                   fixed_text(best.overlap, 2) + " (mean Dice of the found " + figure_cell(best.mean.dice) + ", " +
                   std::to_string(best.found) + " of " + std::to_string(best.total) + " found).");
  }
  add_charts(page, e);
  add_folds(page, e);
  add_pictures(page, e, scratch, advance);
  if (e.failed() > 0) {
    page.section("Not measured");
    std::vector<std::vector<std::string>> rows;
    for (const CaseResult& one : e.cases)
      if (!one.usable()) rows.push_back({one.files.name, one.problem});
    page.table({"case", "why"}, rows);
  }
  add_definitions(page, e);
  page.paragraph("Fovea " + version() + ". Research software. Not a medical device; not for clinical decisions.");
  return page.html();
}

}  // namespace fovea::pipeline::mri
