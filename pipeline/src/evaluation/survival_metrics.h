// Figures of a survival model: who dies first, and how well the curves foretell when. Censored rows count as far as
// they are known. Formulas: Harrell 1982; Uno 2007 and Hung & Chiang 2010 for the area at a time; Graf 1999 for the
// Brier score. Inverse-probability weights come from the evaluated rows themselves.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "evaluation/metrics.h"

namespace fovea::pipeline::evaluation {

/// One row: borrowed columns of equal length.
struct SurvivalRows {
  std::span<const double> risk;  ///< larger: earlier
  std::span<const double> time;
  std::vector<bool> event;  ///< false: censored at `time`
};

/// Share of the pairs whose order is known in which the earlier event has the larger risk, equal risks count half;
/// nothing when no pair has a known order. O(N log N).
std::optional<double> concordance_index(const SurvivalRows& rows, Multiplicity multiplicity = {});

/// Area under the ROC of "event by `time`" against "alive after", rows censored before it left out and their share
/// given to the events by inverse probability of censoring; nothing when one of the groups is empty.
std::optional<double> cumulative_auroc(const SurvivalRows& rows, double time, Multiplicity multiplicity = {});

/// Brier score of the survival probabilities [N] at `time`, censoring weighted alike.
std::optional<double> brier_at(const SurvivalRows& rows, std::span<const float> survival, double time,
                               Multiplicity multiplicity = {});

/// Kaplan-Meier estimate: survival after each distinct event time.
struct SurvivalStep {
  double time = 0, survival = 1, at_risk = 0;
};
std::vector<SurvivalStep> kaplan_meier(std::span<const double> time, const std::vector<bool>& event,
                                       Multiplicity multiplicity = {});

}  // namespace fovea::pipeline::evaluation
