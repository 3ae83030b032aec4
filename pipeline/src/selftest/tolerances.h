// How far a number may lie from its expected value. One table, with the reason for each row.
#pragma once

#include <span>
#include <string_view>

namespace fovea::pipeline::selftest {

/// A deviation is allowed up to absolute + relative * scale.
struct Tolerance {
  enum class Scale {
    kLargest,  ///< of the largest finite magnitude in the expected tensor
    kRange,    ///< of its maximum minus its minimum
    kEach,     ///< of each element's own magnitude, at least 1
  };
  double absolute = 0, relative = 0;
  Scale scale = Scale::kLargest;
};

enum class Quantity {
  kMilForward,
  kMilLoss,
  kMilGradient,
  kMilTraining,
  kSegProbability,
  kSegAttendedProbability,
  kSegTrainingProbability,
  kSegActivation,
  kSegLoss,
  kSegGradient,
  kSegZeroGradient,
  kSegStatistics,
  kSegRecurrent,
  kPipelineImage,
  kPipelineSoftmax,
  kPipelineProbability,
  kPipelineGeometry,
  kEmbedding,
  kPixelMean,
  kFloat64,
  kFloat64Gradient,
  kFloat32,
  kExact,
};

struct ToleranceRow {
  Quantity quantity;
  Tolerance tolerance;
  std::string_view reason;
};
std::span<const ToleranceRow> tolerance_table();
Tolerance tolerance(Quantity quantity);

}  // namespace fovea::pipeline::selftest
