#include "seg/rolling_block.h"

#include <algorithm>
#include <utility>

#include "seg/blocks.h"

namespace fovea::models::seg {
namespace {

/// Of a block's output. Slabs of 24 MB cost 100 MB of memory more and no less time, slabs of 8 MB cost time. glibc
/// hands out blocks of up to 32 MB from its lists once it has seen them; larger ones are fresh, zeroed pages every
/// time, which costs a tenth of a full-resolution convolution.
constexpr std::int64_t kSlabBytes = 12 << 20;

}  // namespace

at::Tensor RollingConvolution::room(const at::Tensor& like, std::int64_t planes, bool last) {
  const std::int64_t channels = layer_.weight.size(1);
  const bool first = !buffer_.defined();
  if (first) {
    buffer_ = planes_like(like, channels, planes_ + 3);
    held_ = 1;
    buffer_.narrow(2, 0, 1).zero_();
  } else if (const std::int64_t carried = std::min<std::int64_t>(held_, 2); carried < held_) {
    buffer_.narrow(2, 0, carried).copy_(buffer_.narrow(2, held_ - carried, carried).clone());
    held_ = carried;
  }
  const at::Tensor room = buffer_.narrow(2, held_, planes);
  held_ += planes;
  if (last) buffer_.narrow(2, held_++, 1).zero_();
  return room;
}

at::Tensor RollingConvolution::convolved() {
  return held_ < 3 ? at::Tensor() : convolve_planes(buffer_.narrow(2, 0, held_), layer_.weight, layer_.bias, {0, 1, 1});
}

std::optional<std::int64_t> slab_planes(const at::Tensor& like, std::int64_t planes, const FoldedBlock& block) {
  if (like.dim() != 5 || like.size(0) != 1 || !like.is_cpu() || block.first.gamma.defined()) return {};
  const std::int64_t channels = block.second.weight.size(0),
                     plane = channels * like.size(3) * like.size(4) * static_cast<std::int64_t>(like.element_size());
  const std::int64_t slab = std::max<std::int64_t>(2, kSlabBytes / plane / 2 * 2);  // even: levels differ by a factor 2
  return slab < planes ? std::optional(slab) : std::nullopt;
}

void roll_block(const FoldedBlock& block, const at::Tensor& like, std::int64_t planes, std::int64_t slab,
                const FillPlanes& fill, const TakePlanes& take) {
  RollingConvolution first(block.first, slab), second(block.second, slab + 1);
  std::int64_t done = 0;
  for (std::int64_t begin = 0; begin < planes; begin += slab) {
    const std::int64_t end = std::min(begin + slab, planes);
    const bool last = end == planes;
    fill(begin, end, first.room(like, end - begin, last));
    const at::Tensor between = first.convolved();
    if (!between.defined()) continue;
    relu_into(second.room(like, between.size(2), last), between);
    if (at::Tensor out = second.convolved(); out.defined()) {
      const std::int64_t count = out.size(2);
      take(done, std::move(out));
      done += count;
    }
  }
}

}  // namespace fovea::models::seg
