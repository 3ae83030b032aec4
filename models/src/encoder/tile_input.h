// What every encoder does around its network: tiles checked, resized, cropped and normalised on the way in, and taken
// in pieces of a fixed size so that a tile's features do not depend on the tiles beside it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include <ATen/core/Tensor.h>

#include <fovea/models/encoder.h>

#include "encoder/tile_resize.h"

namespace fovea::models::encoder_detail {

/// Throws Error(kShape) unless tiles are uint8 [n, tile_px, tile_px, 3].
void check_tiles(const at::Tensor& tiles, const EncoderInfo& info);

class TileInput {
 public:
  /// Error(kShape) when the crop is larger than what it is cut from.
  explicit TileInput(const EncoderInfo& info);

  /// [n, 3, input, input], channels innermost in memory, of the device and type of `like`.
  at::Tensor operator()(const at::Tensor& tiles, const at::Tensor& like) const;

 private:
  std::int64_t resize_px_, input_px_;
  TileResize resize_;
  std::array<float, 3> scale_{}, shift_{};
};

/// float32 [n, dim] on the CPU. `network` maps TileInput's result to [m, dim]. On the CPU always exactly `at_once`
/// tiles at a time, the last piece padded, pieces side by side on one thread each: matrix and convolution libraries
/// choose their blocking, and with it the last bits, by batch size and number of threads, and a tile's features shall
/// depend on neither. Elsewhere all at once.
at::Tensor encode_in_pieces(const at::Tensor& tiles, const EncoderInfo& info, const TileInput& input,
                            const at::Tensor& like, std::int64_t at_once,
                            const std::function<at::Tensor(const at::Tensor&)>& network);

}  // namespace fovea::models::encoder_detail
