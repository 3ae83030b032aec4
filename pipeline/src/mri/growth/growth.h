// Did a lesion grow? Two outlines of one head, lesion by lesion.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <fovea/io/volume.h>

#include "mri/components.h"
#include "mri/grid.h"

namespace fovea::pipeline::mri {

/// Volume of a mask's part, and how much of it is border: the outline may lie anywhere within one voxel's shell, so the
/// volume is known to half of that shell either way.
struct OutlinedVolume {
  double ml = 0, shell_ml = 0;
  double uncertainty_ml() const { return shell_ml / 2; }
};

/// Parts of both masks that belong together: they overlap, or their centroids lie within kSameLesionMm. A lesion that
/// fell apart or grew together is one.
struct LesionChange {
  std::vector<std::size_t> before, after;  ///< components, in the order of find_components
  OutlinedVolume volume_before, volume_after;
  Vec3 centroid_lps_mm{};  ///< of the later outline, of the earlier one where nothing is left

  double change_ml() const { return volume_after.ml - volume_before.ml; }
  double uncertainty_ml() const { return volume_before.uncertainty_ml() + volume_after.uncertainty_ml(); }
  /// "new", "vanished", "grown", "shrunk", or "no certain change" when the change is within the uncertainty.
  std::string verdict() const;
};
inline constexpr double kSameLesionMm = 5;

/// A mask on its grid, 0 or 1.
struct Outline {
  io::Geometry geometry;
  std::vector<std::uint8_t> mask;
};

/// Largest later volume first. `before_from_after_lps`: a point of the later head in the earlier one's space; identity
/// when the headers agree.
std::vector<LesionChange> lesion_changes(const Outline& before, const Outline& after,
                                         const Affine& before_from_after_lps = {});

/// Change in per cent of the earlier volume; nothing without one.
std::optional<double> change_percent(double before_ml, double after_ml);
/// Days until the volume doubles at the exponential rate between the two; nothing unless it grew from something.
std::optional<double> doubling_days(double before_ml, double after_ml, double days);

}  // namespace fovea::pipeline::mri
