// Figures of a classifier on a set of bags (reference/mil.md 6).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace fovea::pipeline::evaluation {

/// Area under the ROC curve, ties count half; nothing when one of the two groups is empty.
std::optional<double> auroc(std::span<const float> scores, const std::vector<bool>& positive);

/// One-versus-rest AUROC of every class; nothing where all or none of the rows are of that class. probabilities: rows
/// of `classes` values.
std::vector<std::optional<double>> auroc_per_class(std::span<const float> probabilities, std::int64_t classes,
                                                   std::span<const std::int64_t> labels);

/// Mean one-versus-rest AUROC over the classes that have both members and others. probabilities: rows of `classes`
/// values.
std::optional<double> macro_auroc(std::span<const float> probabilities, std::int64_t classes,
                                  std::span<const std::int64_t> labels);

/// Share of rows whose first largest value is the label.
double accuracy(std::span<const float> probabilities, std::int64_t classes, std::span<const std::int64_t> labels);

/// How often each row counts: what a bootstrap draws. Empty: once.
using Multiplicity = std::span<const std::uint32_t>;
inline double times_counted(Multiplicity multiplicity, std::size_t row) {
  return multiplicity.empty() ? 1.0 : static_cast<double>(multiplicity[row]);
}

/// counts[true * classes + predicted]; the prediction is the first largest value of a row.
struct Confusion {
  std::int64_t classes = 0;
  std::vector<std::int64_t> counts;
  std::int64_t at(std::int64_t truth, std::int64_t predicted) const {
    return counts[static_cast<std::size_t>(truth * classes + predicted)];
  }
};
Confusion confusion_of(std::span<const float> probabilities, std::int64_t classes, std::span<const std::int64_t> labels,
                       Multiplicity multiplicity = {});

/// Precision, recall and their like of one class against the rest; 0 / 0 is nothing.
struct ClassFigures {
  std::int64_t support = 0;  ///< rows that truly are of the class
  std::optional<double> precision, recall, specificity, f1;
};
ClassFigures class_figures(const Confusion& confusion, std::int64_t index);

/// Mean F1 over the classes that occur, in truth or prediction; 0 when none does.
double macro_f1(const Confusion& confusion);
/// F1 of all decisions together: the accuracy.
double micro_f1(const Confusion& confusion);
/// Mean recall over the classes that truly occur.
double balanced_accuracy(const Confusion& confusion);
/// Cohen's kappa with weights (i - j)^2: for ordered classes. 0 when chance leaves nothing to disagree about.
double quadratic_kappa(const Confusion& confusion);

}  // namespace fovea::pipeline::evaluation
