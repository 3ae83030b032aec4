#include "seg/plane_upsampler.h"

#include <array>

#include <ATen/ops/zeros.h>

#include "seg/blocks.h"

namespace fovea::models::seg {
namespace {

/// Output 2 i takes tap 2 of voxel i - 1 and tap 0 of voxel i, output 2 i + 1 takes tap 1 of voxel i. `window`: 0 is
/// voxel i - 1. -1: none.
constexpr std::array<std::array<std::int64_t, 2>, 2> kTap{{{2, 0}, {-1, 1}}};

}  // namespace

PlaneUpsampler::PlaneUpsampler(const Folded& up) {
  const std::int64_t in = up.weight.size(0), filters = up.weight.size(1);
  at::Tensor kernels = at::zeros({2, 2, 2, filters, in, 2, 2, 2}, up.weight.options());
  for (std::int64_t place = 0; place < 8; ++place)
    for (std::int64_t window = 0; window < 8; ++window) {
      const std::array<std::int64_t, 3> p{place >> 2, place >> 1 & 1, place & 1}, w{window >> 2, window >> 1 & 1,
                                                                                     window & 1};
      const auto tap = [&](std::size_t axis) {
        return kTap[static_cast<std::size_t>(p[axis])][static_cast<std::size_t>(w[axis])];
      };
      if (tap(0) < 0 || tap(1) < 0 || tap(2) < 0) continue;
      const at::Tensor into = kernels[p[0]][p[1]][p[2]].select(4, w[2]).select(3, w[1]).select(2, w[0]);
      into.copy_(up.weight.select(4, tap(2)).select(3, tap(1)).select(2, tap(0)).t());
    }
  weight_ = channels_last(kernels.view({8 * filters, in, 2, 2, 2}));
  bias_ = up.bias.repeat({8});
}

void PlaneUpsampler::relu_planes(const at::Tensor& x, std::int64_t begin, std::int64_t end,
                                 const at::Tensor& room) const {
  const std::int64_t first = begin == 0 ? 0 : begin / 2 - 1, count = (end - begin) / 2;
  // Windows begin one voxel before the volume; what the padding adds at the end is cut off.
  const at::Tensor eight =
      convolve_planes(x.narrow(2, first, end / 2 - first), weight_, bias_, {begin == 0 ? 1 : 0, 1, 1})
          .narrow(2, 0, count)
          .narrow(3, 0, x.size(3))
          .narrow(4, 0, x.size(4));
  const std::int64_t filters = room.size(1);
  const auto apart = room.unflatten(4, {x.size(4), 2}).unflatten(3, {x.size(3), 2}).unflatten(2, {count, 2});
  relu_into(apart, eight.unflatten(1, {2, 2, 2, filters}).permute({0, 4, 5, 1, 6, 2, 7, 3}));
}

}  // namespace fovea::models::seg
