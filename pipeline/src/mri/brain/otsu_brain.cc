#include "mri/brain/otsu_brain.h"

#include <algorithm>

namespace fovea::pipeline::mri {
namespace {

constexpr std::size_t kBins = 128;
constexpr double kShrinkMm = 6, kGrowMm = 7, kCloseMm = 4;

Mask both(Mask a, const Mask& b) {
  for (std::size_t i = 0; i < a.values.size(); ++i) a.values[i] = a.values[i] & b.values[i];
  return a;
}

}  // namespace

std::array<double, 2> otsu_thresholds(const std::vector<float>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double from = *low, width = (static_cast<double>(*high) - from) / static_cast<double>(kBins);
  if (!(width > 0)) return {from, from};
  // Numbers and sums of the bins below each.
  std::array<double, kBins + 1> count{}, sum{};
  std::array<double, kBins> histogram{};
  for (const float v : values)
    ++histogram[std::min(kBins - 1, static_cast<std::size_t>((static_cast<double>(v) - from) / width))];
  for (std::size_t b = 0; b < kBins; ++b) {
    count[b + 1] = count[b] + histogram[b];
    sum[b + 1] = sum[b] + histogram[b] * static_cast<double>(b);
  }
  const auto part = [&](std::size_t begin, std::size_t end) {
    const double n = count[end] - count[begin], s = sum[end] - sum[begin];
    return n > 0 ? s * s / n : 0;
  };
  double best = -1;
  std::size_t first = 1, second = 2;
  for (std::size_t a = 1; a + 1 < kBins; ++a)
    for (std::size_t b = a + 1; b < kBins; ++b)
      if (const double between = part(0, a) + part(a, b) + part(b, kBins); between > best)
        best = between, first = a, second = b;
  return {from + width * static_cast<double>(first), from + width * static_cast<double>(second)};
}

Mask otsu_foreground(const io::Volume& volume) {
  const double level = otsu_thresholds(volume.values)[0];
  Mask foreground{volume.geometry.size, std::vector<std::uint8_t>(volume.values.size())};
  for (std::size_t i = 0; i < foreground.values.size(); ++i) foreground.values[i] = volume.values[i] >= level;
  return foreground;
}

Mask otsu_brain(const io::Volume& volume) {
  const io::Geometry& g = volume.geometry;
  const Mask foreground = otsu_foreground(volume);
  const Mask core = largest_piece(shrunk(foreground, g.spacing_mm, kShrinkMm));
  const Mask brain = both(grown(core, g.spacing_mm, kGrowMm), foreground);
  return filled(shrunk(grown(brain, g.spacing_mm, kCloseMm), g.spacing_mm, kCloseMm));
}

}  // namespace fovea::pipeline::mri
