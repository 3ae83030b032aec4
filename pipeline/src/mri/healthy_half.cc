#include "mri/healthy_half.h"

#include <algorithm>
#include <cmath>

namespace fovea::pipeline::mri {
namespace {

constexpr double kForeground = 8;  // of 255: darker is air
constexpr double kLeastCorrelation = 0.85;
constexpr std::int64_t kReach = 10;  // pixels around the head's centre of mass where the midline is looked for
constexpr double kMargin = 2;        // pixels between outline and midline

/// Column mirrored about `midline` (a multiple of one half).
std::int64_t mirrored(std::int64_t x, double midline) {
  return std::llround(2 * midline) - x;
}

/// Correlation of the slice with its mirror image over pixels where either shows tissue, the tumour and its mirror
/// image left out.
double symmetry(const OutlinedSlice& slice, std::int64_t size, double midline) {
  double n = 0, sum = 0, squares = 0, products = 0;
  for (std::int64_t y = 0; y < size; ++y)
    for (std::int64_t x = 0; x < size; ++x) {
      const std::int64_t other = mirrored(x, midline);
      if (other < 0 || other >= size) continue;
      const auto i = static_cast<std::size_t>(y * size + x), j = static_cast<std::size_t>(y * size + other);
      const double a = slice.image[i], b = slice.image[j];
      if (slice.mask[i] || slice.mask[j] || (a <= kForeground && b <= kForeground)) continue;
      n += 1, sum += a, squares += a * a, products += a * b;  // symmetric: both sides have the same sums
    }
  if (n < 100) return 0;
  const double mean = sum / n, variance = squares / n - mean * mean;
  return variance > 0 ? (products / n - mean * mean) / variance : 0;
}

double centre_column(const OutlinedSlice& slice, std::int64_t size) {
  double count = 0, sum = 0;
  for (std::int64_t y = 0; y < size; ++y)
    for (std::int64_t x = 0; x < size; ++x)
      if (slice.image[static_cast<std::size_t>(y * size + x)] > kForeground) count += 1, sum += static_cast<double>(x);
  return count > 0 ? sum / count : static_cast<double>(size) / 2;
}

}  // namespace

std::optional<Fold> find_fold(const OutlinedSlice& slice, std::int64_t size) {
  const double centre = std::round(centre_column(slice, size));
  double best = 0;
  Fold fold;
  for (std::int64_t half = -2 * kReach; half <= 2 * kReach; ++half) {
    const double midline = centre + static_cast<double>(half) / 2, fit = symmetry(slice, size, midline);
    if (fit > best) best = fit, fold.midline = midline;
  }
  if (best < kLeastCorrelation) return {};
  std::int64_t low = size, high = -1;
  for (std::int64_t i = 0; i < size * size; ++i)
    if (slice.mask[static_cast<std::size_t>(i)]) low = std::min(low, i % size), high = std::max(high, i % size);
  fold.tumour_above = static_cast<double>(low) > fold.midline + kMargin;
  if (high < 0 || (!fold.tumour_above && static_cast<double>(high) >= fold.midline - kMargin)) return {};
  return fold;
}

OutlinedSlice mirrored_healthy_half(const OutlinedSlice& slice, std::int64_t size, const Fold& fold) {
  OutlinedSlice healthy = slice;
  std::fill(healthy.mask.begin(), healthy.mask.end(), std::uint8_t{0});
  for (std::int64_t y = 0; y < size; ++y)
    for (std::int64_t x = 0; x < size; ++x) {
      if (fold.tumour_above != (static_cast<double>(x) > fold.midline)) continue;
      const std::int64_t other = mirrored(x, fold.midline);
      healthy.image[static_cast<std::size_t>(y * size + x)] =
          other >= 0 && other < size ? slice.image[static_cast<std::size_t>(y * size + other)] : 0;
    }
  return healthy;
}

}  // namespace fovea::pipeline::mri
