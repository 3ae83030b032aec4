// Connected parts of a label map and what a report says of each.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <fovea/io/volume.h>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

enum class Connectivity { k6, k26 };

struct Component {
  int label = 0;
  std::vector<std::int64_t> voxels;  ///< linear indices, ascending
  Box box;
};

/// Parts of equal non-zero label, in the order of their first voxel.
std::vector<Component> find_components(std::span<const std::uint8_t> labels, const Index3& size,
                                       Connectivity connectivity);

/// Measures in the geometry of the native grid.
struct Lesion {
  int label = 0;
  std::int64_t voxels = 0;
  double volume_ml = 0;
  Vec3 centroid_lps_mm{}, centroid_index{};
  Box box;
  double longest_diameter_mm = 0;        ///< largest distance between two voxel centres of the lesion
  double longest_axial_diameter_mm = 0;  ///< the same within one slice of the axis nearest to S-I
  double axial_width_mm = 0;             ///< extent of that slice's voxel centres across its longest diameter
  double mean_probability = 0, max_probability = 0;
};

/// `probability` in the component's class, one per voxel; empty when it is not known (the lesion's are 0 then).
Lesion measure(const Component& component, const io::Geometry& geometry, std::span<const float> probability);

/// The two of `points` that are farthest apart. Exact; pairs that cannot beat the best so far are skipped. Both the
/// first point when there is only one; `points` is not empty.
struct Chord {
  Vec3 from{}, to{};
  double length = 0;
};
Chord longest_chord(const std::vector<Vec3>& points);

}  // namespace fovea::pipeline::mri
