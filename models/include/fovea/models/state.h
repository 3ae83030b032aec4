// Named parameters. Networks here are functions over a table of tensors whose names are exactly those of the official
// state dicts: nothing to register, nothing to rename, and a translation unit compiles in seconds.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

namespace fovea::models {

using StateDict = std::map<std::string, at::Tensor>;

enum class Init {
  kLinearWeight,  ///< Kaiming-uniform a = sqrt(5): U(+-1/sqrt(fan_in)), PyTorch's default
  kLinearBias,    ///< U(+-1/sqrt(fan_in)); fan_in of the weight it belongs to
  kXavierNormal,  ///< N(0, 2 / (fan_in + fan_out)), as CLAM's and the pooling baselines' linears
  kNormal,        ///< N(0, 1)
  kFaintNormal,   ///< N(0, 1e-6^2): learned queries
  kZeros,
  kOnes,
  kRunningMean,
  kRunningVar,  ///< buffers (not trained): 0 and 1
};

struct TensorSpec {
  std::string name;
  std::vector<std::int64_t> shape;
  Init init = Init::kLinearWeight;
  std::int64_t fan_in = 0;  ///< 0: derived from shape (product of all but the first)
  bool is_buffer() const { return init == Init::kRunningMean || init == Init::kRunningVar; }
};

/// Shapes of `given` against `specs`; throws one Error(kShape) listing every missing, unexpected and mis-shaped name.
/// Returns float32 contiguous tensors in the specs' names. `subject` names the file.
StateDict checked_state(const std::vector<TensorSpec>& specs, const StateDict& given, std::string_view subject);

/// Random start, deterministic for a seed, independent of the order of specs.
StateDict random_state(const std::vector<TensorSpec>& specs, std::uint64_t seed);

std::int64_t parameter_count(const std::vector<TensorSpec>& specs, bool trainable_only = false);

}  // namespace fovea::models
