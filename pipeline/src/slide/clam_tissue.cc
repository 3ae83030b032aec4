#include "slide/clam_tissue.h"

#include <algorithm>
#include <set>

#include <fovea/base/error.h>

#include "slide/contours.h"
#include "slide/mask_ops.h"
#include "slide/tissue_planes.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

constexpr double kWantedDownsample = 64;
constexpr double kReferenceEdge = 512;  // level-0 pixels; areas are given in squares of it
constexpr std::int64_t kMaxPixels = 100'000'000;

/// Level-0 pixels per pixel of a level, by axis: CLAM divides sizes.
struct Scale {
  double x, y;
};

OverviewGrid clam_grid(const io::SlideInfo& info, double mpp_level0, const std::string& subject) {
  OverviewGrid grid;
  for (std::size_t i = 0; i < info.levels.size(); ++i)
    if (info.levels[i].downsample <= kWantedDownsample) grid.level = static_cast<int>(i);
  const io::SlideLevel& level = info.levels[static_cast<std::size_t>(grid.level)];
  if (level.width * level.height > kMaxPixels)
    throw Error(ErrorCode::kOutOfMemory, subject,
                "CLAM's rule needs a level of at most 100 million pixels, the smallest that it may take has " +
                    std::to_string(level.width) + " x " + std::to_string(level.height),
                "Choose --tissue-method saturation, which reduces the slide block by block.");
  grid.width = static_cast<int>(level.width), grid.height = static_cast<int>(level.height);
  grid.frame = {0, 0, level.downsample, mpp_level0 * level.downsample};
  return grid;
}

ClamContour::Ring on_slide(const PixelRing& ring, const Scale& scale) {
  ClamContour::Ring scaled;
  scaled.reserve(ring.size());
  for (const auto& [x, y] : ring)
    scaled.emplace_back(static_cast<std::int64_t>(x * scale.x), static_cast<std::int64_t>(y * scale.y));
  return scaled;
}

/// The largest holes of a contour, at most `max_n_holes`, above the limit.
std::vector<const PixelContour::Hole*> holes_kept(const PixelContour& contour, double limit, std::int64_t max_n_holes) {
  std::vector<const PixelContour::Hole*> holes;
  for (const PixelContour::Hole& hole : contour.holes) holes.push_back(&hole);
  std::stable_sort(holes.begin(), holes.end(),
                   [](const auto* a, const auto* b) { return polygon_area(a->ring) > polygon_area(b->ring); });
  if (static_cast<std::int64_t>(holes.size()) > max_n_holes) holes.resize(static_cast<std::size_t>(max_n_holes));
  std::erase_if(holes, [&](const auto* hole) { return polygon_area(hole->ring) <= limit; });
  return holes;
}

double net_area(const PixelContour& contour) {
  double area = polygon_area(contour.outer);
  for (const PixelContour::Hole& hole : contour.holes) area -= polygon_area(hole.ring);
  return area;
}

}  // namespace

Tissue clam_tissue(const io::Slide& slide, double mpp_level0, const TissueOptions& options,
                   const OverviewReading& reading, const std::string& subject) {
  const io::SlideInfo& info = slide.info();
  Tissue tissue;
  tissue.grid = clam_grid(info, mpp_level0, subject);
  tissue.method = "CLAM: saturation of the level nearest to a downsample of 64";
  tissue.threshold = options.threshold;
  TissuePlanes planes = read_planes(slide, tissue.grid, saturation, reading);
  tissue.unreadable_blocks = planes.unreadable;
  if (dark_background(planes))
    tissue.notices.push_back("dark background: looks like fluorescence, for which CLAM's rule marks everything");
  tissue.mask = std::move(planes.feature);
  median_filter(tissue.mask, options.median_px);
  binarise(tissue.mask, options.threshold);
  close_mask(tissue.mask, options.closing_px, EvenSquare::kAsOpenCv);
  const auto marked = std::count(tissue.mask.pixels.begin(), tissue.mask.pixels.end(), std::uint8_t{255});
  tissue.fraction_before_cleaning = static_cast<double>(marked) / static_cast<double>(tissue.mask.pixels.size());

  const io::SlideLevel &level = info.levels[static_cast<std::size_t>(tissue.grid.level)], &base = info.levels.front();
  const Scale scale{static_cast<double>(base.width) / static_cast<double>(level.width),
                    static_cast<double>(base.height) / static_cast<double>(level.height)};
  const auto unit =
      static_cast<double>(static_cast<std::int64_t>(kReferenceEdge * kReferenceEdge / (scale.x * scale.y)));
  double largest = 0;
  std::set<std::size_t> regions_kept, holes_open;
  const Components regions(tissue.mask, true), holes(tissue.mask, false);
  for (const PixelContour& contour : pixel_contours(tissue.mask)) {
    const double area = net_area(contour);
    largest = std::max(largest, area);
    if (area <= options.clam.a_t * unit) continue;
    regions_kept.insert(regions.at(contour.x, contour.y));
    ClamContour& kept = tissue.clam.emplace_back();
    kept.outer = on_slide(contour.outer, scale);
    for (const PixelContour::Hole* hole : holes_kept(contour, options.clam.a_h * unit, options.clam.max_n_holes)) {
      kept.holes.push_back(on_slide(hole->ring, scale));
      holes_open.insert(holes.at(hole->x, hole->y));
    }
  }
  tissue.largest_mm2 = largest * tissue.grid.frame.mpp * tissue.grid.frame.mpp * 1e-6;
  if (tissue.clam.empty())
    throw Error(ErrorCode::kNoTissue, subject,
                "no tissue found: the largest region has " + number_text(largest / std::max(1.0, unit), 3) +
                    " of CLAM's units (512 x 512 level-0 pixels), the limit --a-t is " +
                    number_text(options.clam.a_t, 3),
                "Choose --preset bwh-biopsy, or lower --a-t.");
  regions.paint(tissue.mask, 0, [&](std::size_t i) { return regions_kept.count(i) == 0; });
  holes.paint(tissue.mask, 255, [&](std::size_t i) { return !holes.touches_border(i) && holes_open.count(i) == 0; });
  tissue.regions = tissue_regions(tissue.mask, tissue.grid.frame);
  for (const io::TissueRegion& region : tissue.regions) tissue.area_mm2 += region.area_mm2;
  return tissue;
}

}  // namespace fovea::pipeline::slide
