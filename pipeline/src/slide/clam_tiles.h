// CLAM's tiles (reference/wsi.md 2.1): a grid for each contour, anchored at the corner of its bounding box, in CLAM's
// order (contours from the bottom up, columns before rows).
#pragma once

#include <string>

#include "slide/tile_grid.h"

namespace fovea::pipeline::slide {

/// A tile counts when one of four points around its centre lies in the contour or on it (`four_pt`), and its centre in
/// no hole that was kept. Tiles may hang over the slide's edge (`use_padding`). Error(kNoTissue) when none is left.
TileGrid clam_tiles(const ReadPlan& plan, const Tissue& tissue, const std::string& subject);

}  // namespace fovea::pipeline::slide
