// UMAP behind plain types: its headers (umappp, knncolle, Eigen) are seen by one translation unit.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace fovea::pipeline::slide {

/// values: one observation after the other, `width` values each.
std::vector<std::pair<double, double>> umap_of(std::span<const double> values, std::size_t width, std::uint64_t seed);

}  // namespace fovea::pipeline::slide
