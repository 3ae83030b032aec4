#include "slide/visiting_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fovea::pipeline::slide {
namespace {

/// The lower 32 bits of `value` at the even places.
std::uint64_t spread_bits(std::uint64_t value) {
  value &= 0xffffffff;
  value = (value | value << 16) & 0x0000ffff0000ffff;
  value = (value | value << 8) & 0x00ff00ff00ff00ff;
  value = (value | value << 4) & 0x0f0f0f0f0f0f0f0f;
  value = (value | value << 2) & 0x3333333333333333;
  return (value | value << 1) & 0x5555555555555555;
}

std::vector<std::int64_t> along_curve(std::span<const std::int64_t> coords, std::int64_t count, double step_px) {
  std::vector<std::int64_t> line(static_cast<std::size_t>(count));
  std::iota(line.begin(), line.end(), 0);
  if (coords.empty()) return line;
  std::int64_t left = coords[0], top = coords[1];
  for (std::size_t i = 0; i < coords.size(); i += 2)
    left = std::min(left, coords[i]), top = std::min(top, coords[i + 1]);
  const double step = std::max(step_px, 1.0);
  std::vector<std::uint64_t> place(line.size());
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto column = static_cast<std::uint64_t>(static_cast<double>(coords[2 * i] - left) / step),
               row = static_cast<std::uint64_t>(static_cast<double>(coords[2 * i + 1] - top) / step);
    place[i] = spread_bits(column) | spread_bits(row) << 1;
  }
  std::stable_sort(line.begin(), line.end(), [&](std::int64_t a, std::int64_t b) {
    return place[static_cast<std::size_t>(a)] < place[static_cast<std::size_t>(b)];
  });
  return line;
}

}  // namespace

std::vector<std::int64_t> visiting_order(std::span<const std::int64_t> coords, std::int64_t count, double step_px) {
  const std::vector<std::int64_t> line = along_curve(coords, count, step_px);
  int bits = 0;
  while ((std::int64_t{1} << bits) < count) ++bits;
  std::vector<std::int64_t> order;
  order.reserve(line.size());
  for (std::int64_t i = 0; i < std::int64_t{1} << bits; ++i) {
    std::int64_t reversed = 0;
    for (int bit = 0; bit < bits; ++bit) reversed |= (i >> bit & 1) << (bits - 1 - bit);
    // Scaled, not cut off: every share of the curve gets its turn at the same rate.
    const std::int64_t from = reversed * count >> bits, to = (reversed + 1) * count >> bits;
    for (std::int64_t k = from; k < to; ++k) order.push_back(line[static_cast<std::size_t>(k)]);
  }
  return order;
}

std::vector<std::int64_t> corners_of(std::span<const std::int64_t> coords, std::span<const std::int64_t> tiles) {
  std::vector<std::int64_t> corners;
  corners.reserve(2 * tiles.size());
  for (const std::int64_t tile : tiles)
    for (const std::size_t axis : {0, 1}) corners.push_back(coords[2 * static_cast<std::size_t>(tile) + axis]);
  return corners;
}

}  // namespace fovea::pipeline::slide
