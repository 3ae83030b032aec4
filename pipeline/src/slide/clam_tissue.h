// Tissue as CLAM finds it (reference/wsi.md 2.1): its level, its filters in its units, contours through pixel centres.
// From the description, not from its code.
#pragma once

#include <string>

#include "slide/tissue.h"

namespace fovea::pipeline::slide {

/// Threshold, median, closing and the three filters of `options`; the whole of level 0 counts, bounds or not. The mask
/// shows what is left. Error(kNoTissue) says how large the largest region was, in CLAM's units. Error(kOutOfMemory)
/// when the level nearest to a downsample of 64 is too large, where CLAM refuses too.
Tissue clam_tissue(const io::Slide& slide, double mpp_level0, const TissueOptions& options,
                   const OverviewReading& reading, const std::string& subject);

}  // namespace fovea::pipeline::slide
