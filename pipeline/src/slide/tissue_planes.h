// A slide reduced to one value a pixel for tissue rules, and what its border says of the background.
#pragma once

#include <array>
#include <cstdint>

#include <fovea/io/image.h>
#include <fovea/io/slide.h>

#include "slide/overview.h"

namespace fovea::pipeline::slide {

struct TissuePlanes {
  io::Image feature, grey;                 ///< one channel; feature is 0 where nothing was scanned
  std::array<std::int64_t, 256> border{};  ///< grey levels of the scanned part of the border band
  std::int64_t unreadable = 0;             ///< blocks
};

/// `feature` maps an RGB pixel to a byte. Pixels that are not on the slide or all black do not reach it.
TissuePlanes read_planes(const io::Slide& slide, const OverviewGrid& grid, std::uint8_t (*feature)(const std::uint8_t*),
                         const OverviewReading& reading);

/// The border band is so dark that the slide must be fluorescence.
bool dark_background(const TissuePlanes& planes);

}  // namespace fovea::pipeline::slide
