// The mid-sagittal plane of a head, from the symmetry of its image: which side is a lesion on, and how far from the
// middle?
#pragma once

#include <optional>
#include <string>

#include <fovea/io/volume.h>

#include "mri/components.h"
#include "mri/grid.h"

namespace fovea::pipeline::mri {

/// Points p (RAS mm) with normal . p = offset; the normal points to the patient's right.
struct Midline {
  Vec3 normal_ras{1, 0, 0};
  double offset_mm = 0;
  double symmetry = 0;   ///< correlation of the image with its mirror image, -1..1
  double spread_mm = 0;  ///< how far its place differs between front, back, upper and lower half of the head
  bool sure = false;     ///< both within their limits below, and either side holds a quarter of the head

  /// Signed distance of an LPS point in mm: positive to the patient's right.
  double right_of(const Vec3& lps_mm) const;
};
inline constexpr double kSureSymmetry = 0.5, kSureSpreadMm = 5;

/// Nothing for a volume without variation or with too few voxels. The search covers 12 degrees of turn and tilt and
/// 36 mm around the middle of what is bright; about 4 mm voxels decide, so expect 2 mm of error.
std::optional<Midline> find_midline(const io::Volume& volume);

/// Where a lesion lies about the plane. Without a sure plane: "unknown", and no distances.
struct Laterality {
  std::string side = "unknown";                ///< left, right, or midline where less than four fifths lie on one side
  std::optional<double> centroid_distance_mm;  ///< of the centroid from the plane, not signed
  std::optional<double> nearest_distance_mm;   ///< of the nearest voxel centre; 0 when the plane cuts the lesion
};
Laterality laterality_of(const Component& component, const io::Geometry& geometry,
                         const std::optional<Midline>& midline);

}  // namespace fovea::pipeline::mri
