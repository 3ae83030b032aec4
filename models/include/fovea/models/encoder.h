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

struct EncoderInfo {
  std::string name;
  std::int64_t dim = 0;                                           ///< D
  std::int64_t tile_px = 224;                                     ///< input edge
  double mpp = 0.5;                                               ///< micrometres per pixel it expects
  std::array<double, 3> mean{0.5, 0.5, 0.5}, std{0.5, 0.5, 0.5};  ///< of RGB / 255
};

class TileEncoder {
 public:
  virtual ~TileEncoder() = default;
  virtual const EncoderInfo& info() const = 0;
  /// tiles: uint8 [n, tile_px, tile_px, 3] RGB, contiguous. Returns float32 [n, D]. Normalises itself. No graph.
  virtual at::Tensor encode(const at::Tensor& tiles) const = 0;
};

struct EncoderRow {
  std::string_view name, description, licence;
  EncoderInfo info;
  std::function<std::vector<TensorSpec>()> specs;
  std::function<std::unique_ptr<TileEncoder>(StateDict, const EncoderInfo&)> make;
  /// Names that the official checkpoint carries and the encoder does not need (classifier, counters): drop them before
  /// checked_state.
  std::function<bool(std::string_view)> drops;
};
/// `given` without the names that `row` drops.
StateDict without_dropped(const EncoderRow& row, const StateDict& given);
std::span<const EncoderRow> encoders();
const EncoderRow& encoder(std::string_view name);

/// Any TorchScript file mapping [n,3,h,w] float to [n,D]. It executes code that the file contains: callers must have
/// the user's explicit consent. `info` gives name, tile_px, mean, std; dim is measured.
std::unique_ptr<TileEncoder> load_torchscript_encoder(const std::string& path, EncoderInfo info);

}  // namespace fovea::models
