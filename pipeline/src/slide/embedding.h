// Instances of a bag in two dimensions, for a picture.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace fovea::pipeline::slide {

using PlanePoint = std::pair<double, double>;

/// The first two principal components of rows [n, D] float32; signs by their largest loading, so that runs agree.
std::vector<PlanePoint> principal_plane(const at::Tensor& rows);

/// False when the program was built without the UMAP headers (./run deps fetches them).
bool has_umap();
/// UMAP (15 neighbours, 500 epochs at most) of the first 50 principal components. One thread: the same seed gives the
/// same picture. Fewer than 20 rows: principal_plane. Error(kUnsupported) without has_umap().
std::vector<PlanePoint> umap_plane(const at::Tensor& rows, std::uint64_t seed);

/// Share of the k nearest neighbours in the plane that are also near in the space, ranks weighted (Venna & Kaski 2001):
/// 1 = every neighbour is real. n (2 n - 3 k - 1) > 0. O(n^2 D).
double trustworthiness(const at::Tensor& rows, const std::vector<PlanePoint>& plane, std::int64_t k);

/// At most `limit` indices of 0..count-1, ascending, drawn without replacement.
std::vector<std::int64_t> sampled_indices(std::int64_t count, std::int64_t limit, std::uint64_t seed);

}  // namespace fovea::pipeline::slide
