#include "mri/slice_normalisation.h"

#include <algorithm>
#include <cmath>

namespace fovea::pipeline::mri {

bool normalise_slice(std::span<float> pixels, double foreground_fraction, std::int64_t least) {
  float highest = 0;
  for (float& v : pixels) highest = std::max(highest, v = std::max(v, 0.0F));
  const double threshold = foreground_fraction > 0 ? foreground_fraction * highest : -1;
  double sum = 0, squares = 0;
  std::int64_t count = 0;
  for (const float v : pixels)
    if (v > threshold) sum += v, ++count;
  if (count < std::max<std::int64_t>(least, 2)) return false;
  const double mean = sum / static_cast<double>(count);
  for (const float v : pixels)
    if (v > threshold) squares += (v - mean) * (v - mean);
  if (squares <= 0) return false;
  const double scale = 1 / std::sqrt(squares / static_cast<double>(count));
  for (float& v : pixels) v = static_cast<float>((v - mean) * scale);
  return true;
}

}  // namespace fovea::pipeline::mri
