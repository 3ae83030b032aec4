// Two scans of one head onto each other by a rigid move (reference/mri-io.md 5). ITK stays inside registration.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <fovea/io/volume.h>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

/// What the registration found, and whether it may be trusted. Points map as ITK's transforms do, from the fixed scan
/// to the moving one, so that resampling uses the map as it is.
struct Registration {
  Affine moving_from_fixed_lps;  ///< identity, the headers' alignment, unless accepted and not by_headers
  bool accepted = false;
  bool by_headers = false;  ///< accepted, but nothing better than the headers' alignment was found
  std::string problem;      ///< why not, a clause for the user
  /// Mattes mutual information of the headers' alignment and of the result, in nats with ITK's sign: lower is better.
  double metric_before = 0, metric_after = 0;
  double moved_mm = 0;          ///< how far the head's centre went
  double rotation_degrees = 0;  ///< about whichever axis
  double restart_mm = 0;        ///< mean distance between the results of the two starts; 0 when one start was enough
};

/// Rejected: a result that moves the head's centre further, or turns it more.
inline constexpr double kMostMovedMm = 40, kMostTurnedDegrees = 30;

/// Mattes mutual information (50 bins) over half of the voxels on a regular grid, a million at most, three levels, from
/// the headers' alignment and, where the centres of the grids differ by more than 1 mm, from these: the better of both
/// if they end more than 1 mm apart. Voxels finer than 1 mm are joined first. The same bits for the same scans,
/// whatever the number of threads; the two starts run side by side. `advance` is called with 0..1 and may throw to
/// stop. Does not throw for scans that cannot be registered: they are not accepted.
Registration register_rigid(const io::Volume& fixed, const io::Volume& moving, int threads = 1,
                            const std::function<void(double)>& advance = {});

/// Another person's head, a template, onto a scan: rigid from where both heads' centres meet, then affine, by the same
/// means, on voxels of at least `finest_mm`. Maps points of the scan to the template; nothing where that fails.
std::optional<Affine> register_template(const io::Volume& scan, const io::Volume& head, double finest_mm,
                                        const std::function<void(double)>& advance = {});

/// Mean distance of where two maps send the points of the fixed grid, over its voxels' box, mm.
double mean_distance_mm(const Affine& a, const Affine& b, const io::Geometry& fixed);

/// `moving` on the fixed grid, linearly; 0 where it does not reach.
Grid on_fixed_grid(const io::Volume& moving, const Affine& moving_from_fixed_lps, const io::Geometry& fixed);

}  // namespace fovea::pipeline::mri
