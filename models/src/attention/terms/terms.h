// What the training terms share: order with ties, reproducible randomness, refusals.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include <ATen/core/Tensor.h>

#include <fovea/base/error.h>

namespace fovea::attention::terms {

/// The k largest along the last dimension in descending order, ties to the lower index; int64 [.., k].
at::Tensor top_indices(const at::Tensor& scores, std::int64_t k);

/// Uniform in [0, 1) with 53 bits. The distributions of <random> differ between libraries, the engine does not.
inline double uniform(std::mt19937_64& engine) {
  return static_cast<double>(engine() >> 11) * 0x1.0p-53;
}

inline void require_shape(bool condition, const std::string& subject, const std::string& problem,
                          const std::string& remedy) {
  if (!condition) throw Error(ErrorCode::kShape, subject, problem, remedy);
}
inline void require_instances(const at::Tensor& scores, const std::string& subject) {
  require_shape(scores.dim() >= 1 && scores.size(-1) > 0, subject, "the bag holds no instance",
                "Check the tissue mask or the feature file.");
}
inline void require_usage(bool condition, const std::string& subject, const std::string& problem,
                          const std::string& remedy) {
  if (!condition) throw Error(ErrorCode::kUsage, subject, problem, remedy);
}

}  // namespace fovea::attention::terms
