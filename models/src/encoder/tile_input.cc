#include "encoder/tile_input.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <string>

#include <omp.h>

#include <ATen/Parallel.h>
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
  if (info.tile_px < 1 || input_px_ < 1 || input_px_ > resize_px_)
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
  // From page-locked memory the copy to a GPU runs beside the CPU; a quarter of the bytes as 8-bit pixels.
  if (!like.is_cpu()) pictures = pictures.to(pictures.options().device(like.device()), pictures.is_pinned());
  at::Tensor x = pictures.to(at::kFloat).contiguous();
  for (std::int64_t channel = 0; channel < 3; ++channel) {
    const auto i = static_cast<std::size_t>(channel);
    x.select(3, channel).mul_(scale_[i]).add_(shift_[i]);
  }
  return x.to(like.scalar_type()).permute({0, 3, 1, 2});
}

namespace {

/// `body(i)` for 0..count-1 on LibTorch's threads, each call on one thread and planned for one: libraries choose their
/// blocking by the number of threads, even for what then runs on one.
void one_thread_each(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
  std::exception_ptr error;
#pragma omp parallel
  {
    const int mine = omp_get_thread_num(), all = omp_get_num_threads();
    // LibTorch sets a thread's number when the thread first asks: before, not after, it is set to one.
    at::get_num_threads();
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    try {
      for (std::int64_t i = mine; i < count; i += all) body(i);
    } catch (...) {
      if (!failed.test_and_set()) error = std::current_exception();
    }
    omp_set_num_threads(before);
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace

at::Tensor encode_in_pieces(const at::Tensor& tiles, const EncoderInfo& info, const TileInput& input,
                            const at::Tensor& like, std::int64_t at_once,
                            const std::function<at::Tensor(const at::Tensor&)>& network) {
  check_tiles(tiles, info);
  at::Tensor features = at::empty({tiles.size(0), info.dim}, at::kFloat);
  const auto encode = [&](std::int64_t begin, std::int64_t count) {
    const at::NoGradGuard no_grad;
    const std::int64_t real = std::min(count, tiles.size(0) - begin);
    at::Tensor piece = tiles.narrow(0, begin, real);
    if (real < count) piece = at::constant_pad_nd(piece, {0, 0, 0, 0, 0, 0, 0, count - real});
    features.narrow(0, begin, real).copy_(network(input(piece, like)).narrow(0, 0, real));
  };
  if (tiles.size(0) == 0) return features;
  if (!like.is_cpu()) {
    encode(0, tiles.size(0));
    return features;
  }
  one_thread_each((tiles.size(0) + at_once - 1) / at_once,
                  [&](std::int64_t piece) { encode(piece * at_once, at_once); });
  return features;
}

}  // namespace fovea::models::encoder_detail
