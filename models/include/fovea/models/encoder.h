// Tile encoders: RGB tiles to instance features. reference/wsi.md section 4.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/models/state.h>

namespace fovea::models {

enum class Interpolation { kBilinear, kBicubic };  ///< both antialiased when they reduce

constexpr std::array<double, 3> kImageNetMean{0.485, 0.456, 0.406}, kImageNetStd{0.229, 0.224, 0.225};

struct EncoderInfo {
  std::string name;
  std::int64_t dim = 0;                                           ///< D
  std::int64_t tile_px = 224;                                     ///< edge of the tiles that encode() takes
  double mpp = 0.5;                                               ///< micrometres per pixel it expects of them
  std::array<double, 3> mean{0.5, 0.5, 0.5}, std{0.5, 0.5, 0.5};  ///< of RGB / 255
  std::int64_t input_px = 0;                                      ///< edge the network sees; 0: tile_px
  std::int64_t resize_px = 0;  ///< tiles are resized to this, then cut at the centre to input_px; 0: input_px
  Interpolation interpolation = Interpolation::kBilinear;

  std::int64_t network_px() const { return input_px > 0 ? input_px : tile_px; }
  std::int64_t resized_px() const { return resize_px > 0 ? resize_px : network_px(); }
};

class TileEncoder {
 public:
  virtual ~TileEncoder() = default;
  virtual const EncoderInfo& info() const = 0;
  /// tiles: uint8 [n, tile_px, tile_px, 3] RGB, contiguous, on the CPU. Returns float32 [n, D] on the CPU. Resizes and
  /// normalises itself, computes on the device and in the precision of its weights. No graph. On the CPU a tile's
  /// features do not depend on the tiles beside it.
  virtual at::Tensor encode(const at::Tensor& tiles) const = 0;
};

struct VitConfig;

struct EncoderRow {
  std::string_view name, description, licence;
  EncoderInfo info;
  /// Empty, as is `make`, for an encoder that has no graph here and comes through TorchScript.
  std::function<std::vector<TensorSpec>()> specs;
  std::function<std::unique_ptr<TileEncoder>(StateDict, const EncoderInfo&)> make;
  /// Names that the official checkpoint carries and the encoder does not need (classifier, counters): drop them before
  /// checked_state.
  std::function<bool(std::string_view)> drops;
  std::string_view aliases;        ///< other names people use, separated by spaces
  const VitConfig* vit = nullptr;  ///< of a vision transformer
};
/// `given` without the names that `row` drops.
StateDict without_dropped(const EncoderRow& row, const StateDict& given);
std::span<const EncoderRow> encoders();
const EncoderRow& encoder(std::string_view name);  ///< Error(kNotFound) lists the names
/// The row with this name or alias, capitals and punctuation aside ("UNI2-h"); null when there is none.
const EncoderRow* find_encoder(std::string_view name);

/// Any TorchScript file mapping [n,3,h,w] float to [n,D]. It executes code that the file contains: callers must have
/// the user's explicit consent. `info` gives name, tile_px, mean, std; dim is measured.
std::unique_ptr<TileEncoder> load_torchscript_encoder(const std::string& path, EncoderInfo info);

}  // namespace fovea::models
