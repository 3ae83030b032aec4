// Which level to read, how large a region, and how far to step: the rules of reference/wsi.md 1.4.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <fovea/io/slide.h>

namespace fovea::pipeline::slide {

struct ReadRequest {
  double target_mpp = 0.5;        ///< micrometres per pixel at which tiles are wanted
  std::int64_t tile_px = 224;     ///< tile edge at the target scale
  std::int64_t overlap_px = 0;    ///< of neighbours, at the target scale
  bool allow_upsampling = false;  ///< accept a slide coarser than the target
};

struct ReadPlan {
  int level = 0;
  double level_downsample = 1;
  std::int64_t read_px = 0;       ///< edge of the region on `level`
  std::int64_t footprint_px = 0;  ///< edge of a tile on level 0
  std::int64_t step_px = 0;       ///< between neighbours on level 0
  std::int64_t tile_px = 0, overlap_px = 0;
  double mpp_level0 = 0;
  double mpp_wanted = 0;  ///< as asked for
  double mpp_tile = 0;    ///< true scale of a tile of tile_px; differs from mpp_wanted when the read was snapped
};

/// Half away from zero, everywhere a length becomes a whole number of pixels.
std::int64_t rounded_px(double value);

/// Error(kUsage) when the slide is coarser than asked (by more than 2 %) and upsampling is not allowed, or the overlap
/// swallows the tile. `subject` names the slide.
ReadPlan plan_reads(std::span<const io::SlideLevel> levels, double mpp_level0, const ReadRequest& request,
                    const std::string& subject);

/// "112" (target pixels) or "50%" of the tile. Error(kUsage).
std::int64_t parse_overlap(const std::string& text, std::int64_t tile_px);

}  // namespace fovea::pipeline::slide
