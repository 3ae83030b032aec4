#include "encoder/tile_resize.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/empty.h>

namespace fovea::models::encoder_detail {
namespace {

constexpr std::int64_t kChannels = 3;
constexpr int kFractionBits = 22;  // Pillow's 32 - 8 - 2
constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

double triangle(double x) {
  return std::max(0.0, 1 - std::abs(x));
}

/// Keys' cubic with a = -0.5.
double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * kA : 0;
}

std::uint8_t clipped(std::int32_t fixed) {
  return static_cast<std::uint8_t>(std::clamp(fixed >> kFractionBits, 0, 255));
}

}  // namespace

TileResize::TileResize(std::int64_t from, std::int64_t to, Interpolation interpolation) : from_(from), to_(to) {
  const bool bicubic = interpolation == Interpolation::kBicubic;
  const double scale = static_cast<double>(from) / static_cast<double>(to), widened = std::max(scale, 1.0);
  const double support = (bicubic ? 2.0 : 1.0) * widened;
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - support + 0.5));
    const auto end = std::min(from, static_cast<std::int64_t>(centre + support + 0.5));
    std::vector<double> weights;
    double sum = 0;
    for (std::int64_t x = first; x < end; ++x) {
      const double at = (static_cast<double>(x) - centre + 0.5) / widened;
      weights.push_back(bicubic ? cubic(at) : triangle(at));
      sum += weights.back();
    }
    Taps taps{first, {}};
    for (const double weight : weights)
      taps.weights.push_back(static_cast<std::int32_t>(std::lround(weight / sum * (1 << kFractionBits))));
    taps_.push_back(std::move(taps));
  }
}

at::Tensor TileResize::operator()(const at::Tensor& tiles) const {
  if (from_ == to_) return tiles;
  const at::Tensor in = tiles.contiguous();
  at::Tensor out = at::empty({tiles.size(0), to_, to_, kChannels}, at::kByte);
  std::vector<std::uint8_t> narrow(static_cast<std::size_t>(from_ * to_ * kChannels));
  for (std::int64_t i = 0; i < tiles.size(0); ++i) {
    rows(in.const_data_ptr<std::uint8_t>() + i * from_ * from_ * kChannels, narrow.data());
    columns(narrow.data(), out.mutable_data_ptr<std::uint8_t>() + i * to_ * to_ * kChannels);
  }
  return out;
}

/// [from, from, 3] -> [from, to, 3], rounded to bytes in between as Pillow does.
void TileResize::rows(const std::uint8_t* in, std::uint8_t* out) const {
  for (std::int64_t y = 0; y < from_; ++y, in += from_ * kChannels)
    for (const Taps& taps : taps_) {
      std::int32_t sums[kChannels] = {kHalf, kHalf, kHalf};
      const std::uint8_t* pixel = in + taps.first * kChannels;
      for (const std::int32_t weight : taps.weights)
        for (std::int32_t& sum : sums) sum += weight * *pixel++;
      for (const std::int32_t sum : sums) *out++ = clipped(sum);
    }
}

/// [from, to, 3] -> [to, to, 3]
void TileResize::columns(const std::uint8_t* in, std::uint8_t* out) const {
  const auto width = static_cast<std::size_t>(to_ * kChannels);
  std::vector<std::int32_t> sums(width);
  for (const Taps& taps : taps_) {
    std::fill(sums.begin(), sums.end(), kHalf);
    const std::uint8_t* row = in + static_cast<std::size_t>(taps.first) * width;
    for (const std::int32_t weight : taps.weights)
      for (std::size_t x = 0; x < width; ++x) sums[x] += weight * *row++;
    for (std::size_t x = 0; x < width; ++x) *out++ = clipped(sums[x]);
  }
}

}  // namespace fovea::models::encoder_detail
