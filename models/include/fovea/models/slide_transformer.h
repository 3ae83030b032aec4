// A slide transformer of our own: patch tokens that know where they lie, layers of local or global attention, then
// gated attention pooling. Everything it computes attention with is in the attention layer. Adaptation, not a
// published network: there are no official weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fovea/models/mil.h>

namespace fovea::models {

struct SlideTransformerConfig {
  std::int64_t features = 0;  ///< D
  std::int64_t classes = 0;   ///< C
  std::int64_t inner = 256;   ///< L; a multiple of 4 heads
  std::int64_t heads = 8;
  std::string layers = "lg";     ///< one letter a layer. l: the window around a patch; g: all patches, at linear cost
  std::int64_t window = 7;       ///< edge of the window in patches, at most the slide's own edge
  std::int64_t attention = 128;  ///< A of the pooling
  std::int64_t branches = 1;     ///< K of the pooling
};

class SlideTransformer {
 public:
  static std::vector<TensorSpec> specs_of(const SlideTransformerConfig& config);
  /// `state` as checked_state or random_state give it for the specs. Error(kUsage) for widths that do not fit.
  SlideTransformer(SlideTransformerConfig config, StateDict state);
  const SlideTransformerConfig& config() const { return config_; }
  const StateDict& state() const { return state_; }

  /// bag [N, D]; cells int64 [N, 2]: column and row of each patch on the slide's grid, from any origin. The order of
  /// the patches does not matter. Differentiable in bag and parameters; without a graph, memory grows with N and with
  /// the box around the cells, one head at a time. Error(kShape) for two patches in one cell and for boxes of more than
  /// kMostCells.
  /// `step`: masking of the pooling's scores; dropout after the first layer.
  MilOutput forward(const at::Tensor& bag, const at::Tensor& cells, const MilStep& step = {}) const;
  static constexpr std::int64_t kMostCells = std::int64_t{1} << 21;

 private:
  at::Tensor linear(const at::Tensor& x, const std::string& name) const;
  at::Tensor norm(const at::Tensor& x, const std::string& name) const;
  SlideTransformerConfig config_;
  StateDict state_;
};

/// Layers and window as one word, "lg7", for MilConfig::variant, and back. Error(kUsage) for another form.
std::string layers_variant(const std::string& layers, std::int64_t window);
SlideTransformerConfig with_variant(SlideTransformerConfig config, const std::string& variant);

/// Cells of patches whose level-0 corners are coords int64 [N, 2], `step` pixels apart.
at::Tensor grid_cells(const at::Tensor& coords, std::int64_t step);
/// The same where the step is not known: the most frequent gap between neighbours in a row or column of patches. CLAM
/// starts a grid at every piece of tissue, so that two patches can fall into one cell: then the step is halved, at most
/// three times.
at::Tensor grid_cells(const at::Tensor& coords);
/// The bag's own order folded into a square, for bags that do not say where their patches lie.
at::Tensor folded_cells(std::int64_t patches);

}  // namespace fovea::models
