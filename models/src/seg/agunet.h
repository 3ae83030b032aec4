// AGUNet (Bouget et al. 2021): U-Net with an input pyramid, attention gates on the skips at every level and deep
// supervision. reference/segmentation.md 3 and 5.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fovea/models/segmentation.h>

namespace fovea::models::seg {

inline constexpr std::string_view kAgunetName = "agunet";

/// One layer, named and sized, in the order in which the authors' code creates it. The one description from which
/// specs, recognition and the import of anonymous files follow.
struct LayerPlan {
  enum class Kind { kConvolution, kTransposed, kNorm };
  Kind kind;
  std::string name;
  std::int64_t in = 0, out = 0, kernel = 0;  ///< norms: out only
};
std::vector<LayerPlan> agunet_plan(const SegConfig& config);

std::vector<TensorSpec> agunet_specs(const SegConfig& config);
std::optional<SegConfig> agunet_recognise(const StateDict& state);
std::optional<StateDict> agunet_from_anonymous(const AnonymousLayers& layers);
std::unique_ptr<SegNetwork> make_agunet(const SegConfig& config, StateDict state);

/// "dec2.conv0": names are composed in one place.
std::string layer_name(const char* part, std::int64_t level, const char* layer);

}  // namespace fovea::models::seg
