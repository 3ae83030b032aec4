// A picture to check tiling by eye: the slide, outlines of its tissue, and the tiles that count.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include <fovea/io/image.h>
#include <fovea/io/slide.h>

#include "slide/overview.h"
#include "slide/tissue.h"

namespace fovea::pipeline::slide {

constexpr int kPreviewEdge = 2048;  ///< pixels of the longer edge, at most

/// Draws into `picture`, which lies on the slide as `frame` says: kept tiles tinted with an outline, tissue outlines on
/// top. `coords`: 2N level-0 corners.
void draw_preview(io::Image& picture, const MaskFrame& frame, const Tissue& tissue,
                  std::span<const std::int64_t> coords, double footprint_px);

/// JPEG of the scanned area with draw_preview on it. Atomic.
void write_preview(const std::filesystem::path& path, const io::Slide& slide, double mpp_level0, const Tissue& tissue,
                   std::span<const std::int64_t> coords, double footprint_px, const OverviewReading& reading);

}  // namespace fovea::pipeline::slide
