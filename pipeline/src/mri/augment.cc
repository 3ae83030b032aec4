#include "mri/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fovea::pipeline::mri {
namespace {

/// SplitMix64: the distributions of <random> differ between libraries, and a model must be made the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  double uniform(double low, double high) { return low + (high - low) * static_cast<double>(next() >> 11) * 0x1.0p-53; }

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
  }

 private:
  std::uint64_t state_;
};

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  return Random(a ^ (b * 0xd1342543de82ef95ULL)).next();
}

/// Source position of a target pixel, both relative to the slice's centre.
struct Turn {
  double xx, xy, yx, yy, x, y;
};

Turn random_turn(Random& random, std::int64_t size, const Augmentation& a) {
  const double mirror = random.uniform(0, 1) < a.flip ? -1 : 1;
  const double angle = random.uniform(-a.rotation_degrees, a.rotation_degrees) * std::numbers::pi / 180;
  const double zoom = 1 / (1 + random.uniform(-a.scale, a.scale));
  const double reach = a.shift * static_cast<double>(size);
  const double c = std::cos(angle) * zoom, s = std::sin(angle) * zoom;
  return {mirror * c, -mirror * s, s, c, random.uniform(-reach, reach), random.uniform(-reach, reach)};
}

template <class T>
double bilinear(const std::vector<T>& pixels, std::int64_t size, double x, double y) {
  const double fx = std::floor(x), fy = std::floor(y), px = x - fx, py = y - fy;
  const auto value = [&](double vx, double vy) -> double {
    if (vx < 0 || vy < 0 || vx >= static_cast<double>(size) || vy >= static_cast<double>(size)) return 0;
    return static_cast<double>(
        pixels[static_cast<std::size_t>(vy) * static_cast<std::size_t>(size) + static_cast<std::size_t>(vx)]);
  };
  return (1 - py) * ((1 - px) * value(fx, fy) + px * value(fx + 1, fy)) +
         py * ((1 - px) * value(fx, fy + 1) + px * value(fx + 1, fy + 1));
}

/// Nearest: a label is never a mixture of two.
std::uint8_t label_at(const std::vector<std::uint8_t>& mask, std::int64_t size, double x, double y) {
  const double nx = std::floor(x + 0.5), ny = std::floor(y + 0.5);
  if (nx < 0 || ny < 0 || nx >= static_cast<double>(size) || ny >= static_cast<double>(size)) return 0;
  return mask[static_cast<std::size_t>(ny) * static_cast<std::size_t>(size) + static_cast<std::size_t>(nx)];
}

void change_contrast(std::vector<float>& image, double exponent) {
  const float highest = *std::max_element(image.begin(), image.end());
  if (highest <= 0) return;
  for (float& v : image) v = highest * std::pow(std::max(v, 0.0F) / highest, static_cast<float>(exponent));
}

}  // namespace

View augmented(const OutlinedSlice& original, const std::optional<Fold>& fold, std::int64_t size,
               const Augmentation& augmentation, const ViewSeed& seed) {
  Random random(
      mixed(mixed(seed.seed, static_cast<std::uint64_t>(seed.epoch)), static_cast<std::uint64_t>(seed.index)));
  const bool healthy = fold && random.uniform(0, 1) < augmentation.healthy;
  const OutlinedSlice slice = healthy ? mirrored_healthy_half(original, size, *fold) : original;
  const Turn turn = random_turn(random, size, augmentation);
  const double centre = static_cast<double>(size - 1) / 2;
  View view{std::vector<float>(slice.image.size()), std::vector<std::uint8_t>(slice.mask.size())};
  for (std::int64_t y = 0; y < size; ++y)
    for (std::int64_t x = 0; x < size; ++x) {
      const double dx = static_cast<double>(x) - centre + turn.x, dy = static_cast<double>(y) - centre + turn.y;
      const double sx = centre + turn.xx * dx + turn.xy * dy, sy = centre + turn.yx * dx + turn.yy * dy;
      const auto i = static_cast<std::size_t>(y * size + x);
      view.image[i] = static_cast<float>(bilinear(slice.image, size, sx, sy));
      view.mask[i] = label_at(slice.mask, size, sx, sy);
    }
  change_contrast(view.image, std::exp(random.uniform(-augmentation.gamma, augmentation.gamma)));
  return view;
}

}  // namespace fovea::pipeline::mri
