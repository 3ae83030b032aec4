#include "slide/clam_tiles.h"

#include <algorithm>
#include <ranges>

#include <fovea/base/error.h>

namespace fovea::pipeline::slide {
namespace {

enum class Side { kOutside, kOn, kInside };

/// Point in polygon, exact on whole numbers; edges are sorted into bands of rows, because contours have many points.
class Polygon {
 public:
  explicit Polygon(const ClamContour::Ring& ring) : ring_(ring) {
    low_x = high_x = ring.front().first, low_y = high_y = ring.front().second;
    for (const auto& [x, y] : ring) {
      low_x = std::min(low_x, x), high_x = std::max(high_x, x);
      low_y = std::min(low_y, y), high_y = std::max(high_y, y);
    }
    bands_.resize(static_cast<std::size_t>((high_y - low_y) / kBand + 1));
    for (std::size_t i = 0, j = ring.size() - 1; i < ring.size(); j = i++) {
      const auto [top, bottom] = std::minmax(ring[i].second, ring[j].second);
      for (std::int64_t band = (top - low_y) / kBand; band <= (bottom - low_y) / kBand; ++band)
        bands_[static_cast<std::size_t>(band)].emplace_back(j, i);
    }
  }

  /// Position in halves of a pixel: centres of tiles of odd edge lie there.
  Side side(std::int64_t twice_x, std::int64_t twice_y) const {
    if (twice_x < 2 * low_x || twice_x > 2 * high_x || twice_y < 2 * low_y || twice_y > 2 * high_y)
      return Side::kOutside;
    bool inside = false;
    for (const auto& [from, to] : bands_[static_cast<std::size_t>((twice_y / 2 - low_y) / kBand)]) {
      const std::int64_t ax = 2 * ring_[from].first, ay = 2 * ring_[from].second;
      const std::int64_t bx = 2 * ring_[to].first, by = 2 * ring_[to].second;
      const std::int64_t cross = (bx - ax) * (twice_y - ay) - (by - ay) * (twice_x - ax);
      if (cross == 0 && std::min(ax, bx) <= twice_x && twice_x <= std::max(ax, bx) && std::min(ay, by) <= twice_y &&
          twice_y <= std::max(ay, by))
        return Side::kOn;
      if ((ay <= twice_y) != (by <= twice_y) && (cross > 0) == (by > ay)) inside = !inside;
    }
    return inside ? Side::kInside : Side::kOutside;
  }

  std::int64_t low_x, high_x, low_y, high_y;

 private:
  static constexpr std::int64_t kBand = 256;  // level-0 pixels
  const ClamContour::Ring& ring_;
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> bands_;
};

bool four_points(const Polygon& contour, std::int64_t x, std::int64_t y, std::int64_t edge) {
  const std::int64_t centre_x = x + edge / 2, centre_y = y + edge / 2, shift = edge / 2 / 2;
  for (const std::int64_t dx : {-shift, shift})
    for (const std::int64_t dy : {-shift, shift})
      if (contour.side(2 * (centre_x + dx), 2 * (centre_y + dy)) != Side::kOutside) return true;
  return false;
}

}  // namespace

TileGrid clam_tiles(const ReadPlan& plan, const Tissue& tissue, const std::string& subject) {
  TileGrid grid;
  const std::int64_t edge = plan.footprint_px;
  for (const ClamContour& clam : std::views::reverse(tissue.clam)) {
    const Polygon contour(clam.outer);
    std::vector<Polygon> holes;
    holes.reserve(clam.holes.size());
    for (const ClamContour::Ring& ring : clam.holes) holes.emplace_back(ring);
    for (std::int64_t x = contour.low_x; x <= contour.high_x; x += plan.step_px) {
      for (std::int64_t y = contour.low_y; y <= contour.high_y; y += plan.step_px) {
        ++grid.inside_slide;
        const auto in_hole = [&](const Polygon& hole) {
          return hole.side(2 * x + edge, 2 * y + edge) == Side::kInside;
        };
        if (!four_points(contour, x, y, edge) || std::any_of(holes.begin(), holes.end(), in_hole)) continue;
        grid.coords.push_back(x), grid.coords.push_back(y);
      }
    }
  }
  if (grid.coords.empty())
    throw Error(ErrorCode::kNoTissue, subject, "tissue was found, but no tile passes CLAM's four-point test",
                "Choose a smaller --tile.");
  grid.largest_share = 1;
  return grid;
}

}  // namespace fovea::pipeline::slide
