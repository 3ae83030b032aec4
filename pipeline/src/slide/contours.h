// Outlines of tissue as polygons along pixel edges: exact, closed, holes as further rings.
#pragma once

#include <vector>

#include <fovea/io/attention_export.h>
#include <fovea/io/image.h>

namespace fovea::pipeline::slide {

/// Where the mask lies on the slide.
struct MaskFrame {
  double origin_x = 0, origin_y = 0;  ///< level-0 position of the mask's top-left corner
  double pixel_px = 1;                ///< level-0 pixels per mask pixel
  double mpp = 1;                     ///< micrometres per mask pixel
};

/// One region per 8-connected component, in scan order.
std::vector<io::TissueRegion> tissue_regions(const io::Image& mask, const MaskFrame& frame);

}  // namespace fovea::pipeline::slide
