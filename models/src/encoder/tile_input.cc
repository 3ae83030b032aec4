#include "encoder/tile_input.h"

#include <algorithm>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>

#include <fovea/base/error.h>

namespace fovea::models::encoder_detail {

void check_tiles(const at::Tensor& tiles, const EncoderInfo& info) {
  const bool fits = tiles.defined() && tiles.scalar_type() == at::kByte && tiles.dim() == 4 &&
                    tiles.size(1) == info.tile_px && tiles.size(2) == info.tile_px && tiles.size(3) == 3;
  if (fits) return;
  const std::string edge = std::to_string(info.tile_px);
  throw Error(ErrorCode::kShape, "encoder " + info.name,
              "tiles must be 8-bit RGB of " + edge + " x " + edge + " pixels", "Resample the tiles to this size.");
}

TileInput::TileInput(const EncoderInfo& info)
    : resize_px_(info.resized_px()),
      input_px_(info.network_px()),
      resize_(info.tile_px, resize_px_, info.interpolation) {
  if (input_px_ < 1 || input_px_ > resize_px_)
    throw Error(
        ErrorCode::kShape, "encoder " + info.name,
        "its input of " + std::to_string(input_px_) + " pixels cannot be cut from " + std::to_string(resize_px_),
        "Correct the sizes in its config.");
  for (std::size_t i = 0; i < 3; ++i) {
    scale_[i] = static_cast<float>(1 / (255 * info.std[i]));
    shift_[i] = static_cast<float>(-info.mean[i] / info.std[i]);
  }
}

at::Tensor TileInput::operator()(const at::Tensor& tiles, const at::Tensor& like) const {
  at::Tensor pictures = resize_(tiles);
  if (const std::int64_t margin = (resize_px_ - input_px_) / 2; resize_px_ != input_px_)
    pictures = pictures.narrow(1, margin, input_px_).narrow(2, margin, input_px_);
  // Channels innermost: what LibTorch calls channels_last once they are permuted to where it wants them.
  at::Tensor x = pictures.to(like.device(), at::kFloat).contiguous();
  for (std::int64_t channel = 0; channel < 3; ++channel) {
    const auto i = static_cast<std::size_t>(channel);
    x.select(3, channel).mul_(scale_[i]).add_(shift_[i]);
  }
  return x.to(like.scalar_type()).permute({0, 3, 1, 2});
}

at::Tensor encode_in_pieces(const at::Tensor& tiles, const EncoderInfo& info, const TileInput& input,
                            const at::Tensor& like, std::int64_t at_once,
                            const std::function<at::Tensor(const at::Tensor&)>& network) {
  check_tiles(tiles, info);
  const at::NoGradGuard no_grad;
  at::Tensor features = at::empty({tiles.size(0), info.dim}, at::kFloat);
  if (!like.is_cpu()) at_once = std::max<std::int64_t>(tiles.size(0), 1);
  for (std::int64_t begin = 0; begin < tiles.size(0); begin += at_once) {
    const std::int64_t count = std::min(at_once, tiles.size(0) - begin);
    at::Tensor piece = tiles.narrow(0, begin, count);
    if (count < at_once) piece = at::constant_pad_nd(piece, {0, 0, 0, 0, 0, 0, 0, at_once - count});
    features.narrow(0, begin, count).copy_(network(input(piece, like)).narrow(0, 0, count));
  }
  return features;
}

}  // namespace fovea::models::encoder_detail
