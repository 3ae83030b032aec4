// Do two volumes lie on one grid? Asked wherever a mask, a second modality or a reference meets a volume.
#pragma once

#include <string>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

/// Same size, and corners that differ by less than a twentieth of the smallest voxel edge: headers are rounded.
bool same_grid(const io::Geometry& a, const io::Geometry& b);

std::string size_text(const Index3& size);  ///< "256 x 256 x 180"

}  // namespace fovea::pipeline::mri
