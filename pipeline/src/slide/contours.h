// Outlines of tissue as polygons along pixel edges: exact, closed, holes as further rings.
#pragma once

#include <utility>
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

/// Mask pixels along a border, each once, not closed.
using PixelRing = std::vector<std::pair<int, int>>;

/// Borders through pixel centres as OpenCV's findContours gives them (two-level hierarchy, all points): what CLAM's
/// rules mean by a contour.
struct PixelContour {
  struct Hole {
    PixelRing ring;    ///< tissue pixels around the hole
    int x = 0, y = 0;  ///< a background pixel of it
  };
  PixelRing outer;
  std::vector<Hole> holes;
  int x = 0, y = 0;  ///< a tissue pixel of it
};
/// One contour per 8-connected component, in scan order.
std::vector<PixelContour> pixel_contours(const io::Image& mask);

/// Area of the polygon through the pixel centres, in mask pixels.
double polygon_area(const PixelRing& ring);

}  // namespace fovea::pipeline::slide
