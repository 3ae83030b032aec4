#include "mri/evaluation/distance_transform.h"

#include <cmath>
#include <limits>

namespace fovea::pipeline::mri {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Squared distances along one line, in place. Keeps its buffers from line to line.
class Envelope {
 public:
  void transform(double* values, std::int64_t count, std::int64_t stride, double spacing) {
    build(values, count, stride, spacing);
    if (apex_.empty()) return;
    std::size_t k = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const double x = static_cast<double>(i) * spacing;
      while (k + 1 < apex_.size() && from_[k + 1] < x) ++k;
      values[i * stride] = (x - apex_[k]) * (x - apex_[k]) + height_[k];
    }
  }

 private:
  void build(const double* values, std::int64_t count, std::int64_t stride, double spacing) {
    apex_.clear(), height_.clear(), from_.clear();
    for (std::int64_t i = 0; i < count; ++i) {
      const double height = values[i * stride];
      if (height == kInfinity) continue;
      const double x = static_cast<double>(i) * spacing;
      double from = -kInfinity;
      while (!apex_.empty()) {
        from = meeting(apex_.back(), height_.back(), x, height);
        if (from > from_.back()) break;
        apex_.pop_back(), height_.pop_back(), from_.pop_back();
        from = -kInfinity;
      }
      apex_.push_back(x), height_.push_back(height), from_.push_back(from);
    }
  }

  /// Where the parabola at b becomes lower than the one at a < b.
  static double meeting(double a, double height_a, double b, double height_b) {
    return ((height_b + b * b) - (height_a + a * a)) / (2 * (b - a));
  }

  std::vector<double> apex_, height_, from_;
};

}  // namespace

std::vector<double> distances_to(const std::vector<bool>& marked, const Index3& size, const Vec3& spacing_mm) {
  std::vector<double> squared(marked.size());
  for (std::size_t i = 0; i < marked.size(); ++i) squared[i] = marked[i] ? 0 : kInfinity;
  Envelope envelope;
  const Index3 stride{1, size[0], size[0] * size[1]};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::size_t u = (axis + 1) % 3, v = (axis + 2) % 3;
    for (std::int64_t j = 0; j < size[v]; ++j)
      for (std::int64_t i = 0; i < size[u]; ++i)
        envelope.transform(squared.data() + i * stride[u] + j * stride[v], size[axis], stride[axis], spacing_mm[axis]);
  }
  for (double& value : squared) value = std::sqrt(value);
  return squared;
}

}  // namespace fovea::pipeline::mri
