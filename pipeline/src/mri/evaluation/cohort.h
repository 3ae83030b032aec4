// From cases to a cohort: figures with intervals for every group of cases, folds, and the best threshold.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/statistics.h"
#include "mri/evaluation/case_result.h"

namespace fovea::pipeline::mri {

struct CohortSettings {
  std::vector<double> overlaps{0};  ///< Dice values that the sweep asks for
  double overlap = 0;               ///< a patient counts as found above this Dice
  double cutoff_ml = 0;             ///< volumes up to this count as no tumour
  double split_ml = 3;              ///< of the reference
  std::int64_t replicates = 1000;
  std::uint64_t seed = 0;
  double confidence = 0.95;
};

// --- thresholds ---

/// Means over the cases whose Dice at this threshold, rounded to three decimals, reaches the overlap.
struct SweepRow {
  double overlap = 0, threshold = 0;
  VoxelMetrics mean;  ///< NaN when nothing was found
  std::int64_t found = 0, total = 0;
  double criterion() const;  ///< (mean Dice of the found + share found) / 2
};
struct Sweep {
  std::vector<SweepRow> rows;
  std::optional<std::size_t> best;  ///< the first row of the largest criterion above 0
};
/// Cases without probabilities are left out; `positives_only`: those without a tumour as well.
Sweep sweep_of(const std::vector<CaseResult>& cases, const CohortSettings& settings, bool positives_only);

// --- patients ---

/// Whom raidionicsval counts. kAll: a tumour is found when anything is predicted. kPositive: the same with volumes
/// above the cut-off. kTruePositive: it is found when the Dice is above the overlap.
enum class Condition { kAll, kPositive, kTruePositive };
std::string condition_name(Condition condition);

struct PatientMetrics {
  double recall = 0, precision = 0, specificity = 0, f1 = 0, accuracy = 0, balanced_accuracy = 0;
};
PatientMetrics patient_metrics(const std::vector<const CaseResult*>& cases, evaluation::Multiplicity multiplicity,
                               Condition condition, const CohortSettings& settings);

/// A figure over the folds as raidionicsval pools it: fold means weighted by cases; patient-wise ones have the spread
/// between folds, the others the spread of all cases.
struct FoldFigure {
  std::string name;
  std::vector<evaluation::Spread> folds;
  evaluation::Spread over_folds;  ///< mean and population deviation of the fold means
  double pooled_mean = 0, pooled_deviation = 0;
};
struct FoldTable {
  Condition condition = Condition::kAll;
  std::vector<std::string> folds;
  std::vector<std::size_t> cases;
  std::vector<FoldFigure> figures;
};
FoldTable fold_table(const std::vector<CaseResult>& cases, Condition condition, const CohortSettings& settings);

// --- groups ---

struct CohortFigure {
  std::string name;
  double value = 0;  ///< NaN: undefined for this group
  std::optional<evaluation::Interval> interval;
};
struct CohortGroup {
  std::string name;  ///< "all", "below 3 ml", "pattern swan+dwi", ...
  std::size_t cases = 0, positives = 0, patients = 0;
  std::vector<CohortFigure> figures;
};
/// All; below and from `split_ml`; terciles of the reference's volume; each pattern and centre. Groups without a case
/// are left out. Patients are drawn, not cases.
std::vector<CohortGroup> cohort_groups(const std::vector<CaseResult>& cases, const CohortSettings& settings,
                                       const std::function<void(double)>& progress = {});

/// What a figure's name stands for, in words with unit.
std::string cohort_figure_words(const std::string& name);

}  // namespace fovea::pipeline::mri
