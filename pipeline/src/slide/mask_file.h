// A tissue mask given by the user: a grey or colour picture of the scanned area, or GeoJSON polygons in level-0 pixels.
#pragma once

#include <filesystem>

#include <fovea/io/image.h>
#include <fovea/io/slide.h>

#include "slide/overview.h"

namespace fovea::pipeline::slide {

/// One channel on `grid`, 255 = tissue. Pictures are stretched over the scanned area and must have its shape (2 %);
/// brighter than 127 is tissue. GeoJSON: FeatureCollection, array or single Feature with Polygon or MultiPolygon, as
/// QuPath exports.
io::Image read_mask_file(const std::filesystem::path& path, const OverviewGrid& grid, const io::SlideInfo& info);

}  // namespace fovea::pipeline::slide
