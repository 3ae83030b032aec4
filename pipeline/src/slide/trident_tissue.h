// Tissue after TRIDENT's Otsu recipe (reference/wsi.md 2.1), from the description, not from its code.
#pragma once

#include <string>

#include "slide/tissue.h"

namespace fovea::pipeline::slide {

/// Near 8 um/px, in windows of 512 px with a threshold each; all holes are filled. TRIDENT's polygons are simplified
/// and its smallest region is scaled twice by the pixel size (a quirk): ours are exact and in pixels of a mask 2000 px
/// high. Error(kNoTissue).
Tissue trident_tissue(const io::Slide& slide, double mpp_level0, const TissueOptions& options,
                      const OverviewReading& reading, const std::string& subject);

}  // namespace fovea::pipeline::slide
