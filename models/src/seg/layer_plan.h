// The layers of a U-Net as a list: what there is, how large, in the order in which the authors' code creates it. From
// this one description follow the specs, the recognition and the import of files whose layers have no names.
// reference/segmentation.md 3 to 5.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <fovea/models/segmentation.h>

namespace fovea::models::seg {

struct LayerPlan {
  enum class Kind {
    kConvolution,
    kTransposed,
    kNorm,
    kProjection,  ///< a convolution without bias that the authors' files do not hold
    kScale        ///< one learned factor that starts at 0, likewise
  };
  Kind kind;
  std::string name;
  std::int64_t in = 0, out = 0, kernel = 0;  ///< norms: out only; scales: none
  bool in_files() const { return kind != Kind::kProjection && kind != Kind::kScale; }
  /// Of the weight, for `dims` spatial dims.
  std::vector<std::int64_t> shape(int dims) const;
};
using Plan = std::vector<LayerPlan>;

/// "dec2.conv0": names are composed in one place.
std::string layer_name(const char* part, std::int64_t level, const char* layer);

/// Two convolutions of 3, each with its norm.
void add_block(Plan& plan, const std::string& name, std::int64_t in, std::int64_t out);
/// Encoder levels and the bottom; `least` filters a level, `title` for the error. Error(kUsage) for impossible widths.
void add_encoder(Plan& plan, const SegConfig& config, std::int64_t least, const char* title);
void add_heads(Plan& plan, const SegConfig& config);

std::vector<TensorSpec> specs_of(const Plan& plan, const SegConfig& config);

/// What encoder, bottom and heads tell: dims, channels, classes, filters, pyramid, supervision and norm. Nothing when
/// they are not those of a U-Net of ours.
std::optional<SegConfig> recognise_trunk(const StateDict& state);

}  // namespace fovea::models::seg
