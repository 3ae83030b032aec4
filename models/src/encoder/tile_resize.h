// Antialiased resizing of 8-bit tiles with Pillow's results to the last bit: what the encoders' own preprocessing used.
// LibTorch's antialiased resize of bytes rounds its weights further and differs by one level in about 0.3 % of values,
// which a wide encoder turns into 5e-4.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include <fovea/models/encoder.h>

namespace fovea::models::encoder_detail {

class TileResize {
 public:
  /// Square tiles from edge `from` to edge `to`.
  TileResize(std::int64_t from, std::int64_t to, Interpolation interpolation);

  /// uint8 [n, from, from, 3] on the CPU -> uint8 [n, to, to, 3].
  at::Tensor operator()(const at::Tensor& tiles) const;

 private:
  struct Taps {
    std::int64_t first = 0;             ///< input position of the first weight
    std::vector<std::int32_t> weights;  ///< fixed point, sum about 2^22
  };
  void rows(const std::uint8_t* in, std::uint8_t* out) const;
  void columns(const std::uint8_t* in, std::uint8_t* out) const;

  std::int64_t from_, to_;
  std::vector<Taps> taps_;  ///< one an output position
};

}  // namespace fovea::models::encoder_detail
