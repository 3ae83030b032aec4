#include "slide/embedding.h"

#include <algorithm>
#include <numeric>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cdist.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/max.h>
#include <ATen/ops/sign.h>

#include "slide/embedding_umap.h"
#include "slide/random_source.h"

namespace fovea::pipeline::slide {
namespace {

constexpr std::int64_t kComponents = 50, kSmallestUmap = 20;

/// [n, at most `count`] float64, the strongest component first.
at::Tensor principal_components(const at::Tensor& rows, std::int64_t count) {
  const at::NoGradGuard no_gradients;
  const at::Tensor centred = (rows - rows.mean(0, true)).to(at::kDouble);
  at::Tensor vectors = std::get<1>(at::linalg_eigh(at::matmul(centred.t(), centred)));  // ascending
  vectors = vectors.slice(1, std::max<std::int64_t>(0, vectors.size(1) - count)).flip(1);
  const at::Tensor largest = vectors.gather(0, std::get<1>(at::max(vectors.abs(), 0, true)));
  return at::matmul(centred, vectors * at::sign(largest)).contiguous();
}

}  // namespace

std::vector<PlanePoint> principal_plane(const at::Tensor& rows) {
  const at::Tensor components = principal_components(rows, 2);
  std::vector<PlanePoint> points;
  const auto width = components.size(1);
  const double* values = components.const_data_ptr<double>();
  for (std::int64_t i = 0; i < components.size(0); ++i)
    points.emplace_back(width > 0 ? values[i * width] : 0, width > 1 ? values[i * width + 1] : 0);
  return points;
}

std::vector<PlanePoint> umap_plane(const at::Tensor& rows, std::uint64_t seed) {
  if (rows.size(0) < kSmallestUmap) return principal_plane(rows);
  const at::Tensor components = principal_components(rows, kComponents);
  return umap_of({components.const_data_ptr<double>(), static_cast<std::size_t>(components.numel())},
                 static_cast<std::size_t>(components.size(1)), seed);
}

double trustworthiness(const at::Tensor& rows, const std::vector<PlanePoint>& plane, std::int64_t k) {
  const auto count = static_cast<std::int64_t>(plane.size());
  double penalty = 0;
  const at::Tensor wide = rows.to(at::kDouble);
  std::vector<std::int64_t> near(static_cast<std::size_t>(count)), place(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const at::Tensor far = at::cdist(wide.slice(0, i, i + 1), wide).reshape({-1}).contiguous();
    const double* distance = far.const_data_ptr<double>();
    const auto rank_by = [&](auto key) {
      std::iota(near.begin(), near.end(), std::int64_t{0});
      std::sort(near.begin(), near.end(), [&](std::int64_t a, std::int64_t b) {
        if (a == i || b == i) return a == i && b != i;  // itself first
        return key(a) < key(b);
      });
    };
    rank_by([&](std::int64_t j) { return distance[j]; });
    for (std::int64_t r = 0; r < count; ++r) place[static_cast<std::size_t>(near[static_cast<std::size_t>(r)])] = r;
    const PlanePoint& here = plane[static_cast<std::size_t>(i)];
    rank_by([&](std::int64_t j) {
      const double dx = plane[static_cast<std::size_t>(j)].first - here.first,
                   dy = plane[static_cast<std::size_t>(j)].second - here.second;
      return dx * dx + dy * dy;
    });
    for (std::int64_t r = 1; r <= k; ++r)
      penalty += static_cast<double>(
          std::max<std::int64_t>(0, place[static_cast<std::size_t>(near[static_cast<std::size_t>(r)])] - k));
  }
  const auto n = static_cast<double>(count), neighbours = static_cast<double>(k);
  return 1 - 2 * penalty / (n * neighbours * (2 * n - 3 * neighbours - 1));
}

std::vector<std::int64_t> sampled_indices(std::int64_t count, std::int64_t limit, std::uint64_t seed) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  if (count <= limit) return indices;
  RandomSource random(seed);
  random.shuffle(indices);
  indices.resize(static_cast<std::size_t>(limit));
  std::sort(indices.begin(), indices.end());
  return indices;
}

}  // namespace fovea::pipeline::slide
