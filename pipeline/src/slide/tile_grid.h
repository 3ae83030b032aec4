// Which tiles of the grid count: edge rule and share of tissue (reference/wsi.md 1.4, 2.2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fovea/io/slide.h>

#include "slide/read_plan.h"
#include "slide/tissue.h"

namespace fovea::pipeline::slide {

struct TileGrid {
  std::vector<std::int64_t> coords;  ///< 2N, top-left corners on level 0, row by row
  std::int64_t inside_slide = 0;     ///< positions at least half inside the slide
  double largest_share = 0;          ///< of tissue, of any tile: for the message when none is kept
  std::int64_t tiles() const { return static_cast<std::int64_t>(coords.size()) / 2; }
};

/// Grid anchored at the origin of the scanned bounds. A tile counts when at least half of it lies inside and its tissue
/// share is at least `min_tissue` (0: it touches tissue). The share is exact: the integral of the mask over the
/// footprint, by summed-area table of one row of tiles at a time. Tissue found by CLAM's rule has CLAM's grid
/// (clam_tiles.h). Error(kNoTissue) when no tile is left.
TileGrid select_tiles(const io::SlideInfo& info, const ReadPlan& plan, const Tissue& tissue, double min_tissue,
                      const std::string& subject);

}  // namespace fovea::pipeline::slide
