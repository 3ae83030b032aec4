// Artefacts that pass for tissue: pen marks, black edges, blurred scans. Tiles that show them are dropped and counted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fovea/io/image.h>
#include <fovea/io/slide.h>

#include "slide/overview.h"
#include "slide/read_plan.h"

namespace fovea::pipeline::slide {

/// Thresholds are conservative: a tile is dropped only where a person would not doubt it. On an overview of about
/// 8 um/px:
/// - pen: hue 75..225 degrees (green, cyan, blue) with saturation >= 0.35, or hue within 12 degrees of red with
///   saturation >= 0.75 and value >= 0.4; a tile with at least 10 % of such pixels. Stained tissue is purple to pink
///   (hue 230..350).
/// - black: no channel above 50 of 255 (coverslip edge, black ink); a tile with at least 25 % of such pixels.
/// On the tile itself at its own scale:
/// - blur: variance of the Laplacian (4 neighbours, 8-bit grey) below 12 over the pixels darker than glass (grey below
///   220); tiles with less than a tenth of such pixels are not judged.
struct GuardOptions {
  bool pen = false, black = false, blur = false;
  bool any() const { return pen || black || blur; }
};

/// "pen,black,blur" in any order, or "none". Error(kUsage).
GuardOptions parse_guards(const std::string& text);

bool is_pen(const std::uint8_t* rgb);
bool is_black(const std::uint8_t* rgb);
/// Variance of the Laplacian as above; negative when too little of the tile is darker than glass.
double sharpness(const io::Image& tile);

struct GuardCounts {
  std::int64_t pen = 0, black = 0, blur = 0;
  std::int64_t unreadable = 0;  ///< tiles that could not be read
};

/// Takes tiles out of `coords` (2N level-0 corners, order kept). A tile counts for the first guard that drops it: pen,
/// black, then blur. `read_all`: every tile is read, as an encoder would, even without `blur`; those that cannot be
/// read are dropped and counted.
GuardCounts apply_guards(const io::Slide& slide, const ReadPlan& plan, const GuardOptions& options, bool read_all,
                         const OverviewReading& reading, std::vector<std::int64_t>& coords);

}  // namespace fovea::pipeline::slide
