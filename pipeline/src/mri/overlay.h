// overlay.png: three orthogonal views through the largest lesion, in radiological convention, with the segmentation
// outlined.
#pragma once

#include <array>
#include <string>
#include <vector>

#include <fovea/io/image.h>
#include <fovea/io/volume.h>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

struct OverlayText {
  std::string title;               ///< one line above
  std::vector<std::string> lines;  ///< below
};

/// `centre_lps_mm`: where the three planes meet. One colour (0..1) per label, from label 1.
io::Image draw_overlay(const io::Volume& volume, const io::LabelVolume& labels, const Vec3& centre_lps_mm,
                       const std::vector<std::array<double, 3>>& colours, const OverlayText& text);

/// Physical middle of the grid.
Vec3 centre_of(const io::Geometry& geometry);

}  // namespace fovea::pipeline::mri
