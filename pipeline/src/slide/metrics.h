// Figures of a classifier on a set of bags (reference/mil.md 6).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace fovea::pipeline::slide {

/// Area under the ROC curve, ties count half; nothing when one of the two groups is empty.
std::optional<double> auroc(std::span<const float> scores, const std::vector<bool>& positive);

/// Mean one-versus-rest AUROC over the classes that have both members and others. probabilities: rows of `classes`
/// values.
std::optional<double> macro_auroc(std::span<const float> probabilities, std::int64_t classes,
                                  std::span<const std::int64_t> labels);

/// Share of rows whose first largest value is the label.
double accuracy(std::span<const float> probabilities, std::int64_t classes, std::span<const std::int64_t> labels);

}  // namespace fovea::pipeline::slide
