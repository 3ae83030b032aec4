#include "mri/intensity.h"

#include <algorithm>
#include <cmath>

namespace fovea::pipeline::mri {
namespace {

constexpr std::size_t kAnnotationValues = 25;

struct Moments {
  double mean = 0, squares = 0;  ///< squares: sum of squared deviations
  std::int64_t count = 0;
};

/// Two passes: the one-pass formula loses the variance of scans with a large offset.
template <class Use>
Moments moments(const std::vector<float>& values, Use use) {
  Moments m;
  double sum = 0;
  for (const float v : values)
    if (use(v)) sum += v, ++m.count;
  if (m.count == 0) return m;
  m.mean = sum / static_cast<double>(m.count);
  for (const float v : values)
    if (use(v)) m.squares += (v - m.mean) * (v - m.mean);
  return m;
}

template <class Use>
void standardise(std::vector<float>& values, Use use, std::int64_t lost_degrees) {
  const Moments m = moments(values, use);
  if (m.count <= lost_degrees || m.squares <= 0) return;
  const double deviation = std::sqrt(m.squares / static_cast<double>(m.count - lost_degrees));
  for (float& v : values)
    if (use(v)) v = static_cast<float>((v - m.mean) / deviation);
}

void stretch(std::vector<float>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (*low == *high) return;
  const double from = *low, range = static_cast<double>(*high) - *low;
  for (float& v : values) v = static_cast<float>((v - from) / range);
}

}  // namespace

double percentile(std::vector<float> values, double q) {
  if (values.empty()) return 0;
  const double position = q / 100 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(position);
  const auto at = values.begin() + below;
  std::nth_element(values.begin(), at, values.end());
  const double low = *at;
  if (at + 1 == values.end()) return low;
  const double high = *std::min_element(at + 1, values.end());
  return low + (position - static_cast<double>(below)) * (high - low);
}

void normalise(Grid& channel, const Preprocessing& p) {
  auto& values = channel.values;
  if (values.empty()) return;
  if (p.imaging_modality != "CT")
    for (float& v : values) v = std::max(v, 0.0F);
  if (p.clipping_percentiles.second - p.clipping_percentiles.first != 100) {
    const auto low = static_cast<float>(percentile(values, p.clipping_percentiles.first)),
               high = static_cast<float>(percentile(values, p.clipping_percentiles.second));
    for (float& v : values) v = std::clamp(v, low, high);
  } else if (p.clipping_values) {
    const auto low = static_cast<float>(p.clipping_values->first), high = static_cast<float>(p.clipping_values->second);
    for (float& v : values) v = std::clamp(v, low, high);
  }
  switch (p.normalisation) {
    case Normalisation::kNone: return;
    case Normalisation::kDefault: return stretch(values);
    case Normalisation::kZeroMean:
      return standardise(
          values, [](float) { return true; }, 0);
    case Normalisation::kZeroMeanNonzero:
      return standardise(
          values, [](float v) { return v != 0; }, 1);
  }
}

void standardise_foreground(Grid& channel, std::pair<double, double> percentiles) {
  auto& values = channel.values;
  std::vector<float> foreground;
  for (float& v : values)
    if (v > 0) {
      foreground.push_back(v);
    } else {
      v = 0;
    }
  if (foreground.empty()) return;
  const auto low = static_cast<float>(percentile(foreground, percentiles.first)),
             high = static_cast<float>(percentile(std::move(foreground), percentiles.second));
  const auto inside = [](float v) { return v > 0; };
  for (float& v : values)
    if (inside(v)) v = std::clamp(v, low, high);
  standardise(values, inside, 1);
}

bool looks_like_annotation(const Grid& volume) {
  std::vector<float> seen;
  for (const float v : volume.values) {
    if (v < -1 || v > 255) return false;
    if (std::find(seen.rbegin(), seen.rend(), v) != seen.rend()) continue;
    seen.push_back(v);
    if (seen.size() > kAnnotationValues) return false;
  }
  return true;
}

}  // namespace fovea::pipeline::mri
