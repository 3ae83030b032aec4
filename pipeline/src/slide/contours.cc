#include "slide/contours.h"

#include <array>
#include <utility>

#include "slide/mask_ops.h"

namespace fovea::pipeline::slide {
namespace {

using Ring = std::vector<std::pair<double, double>>;

/// Walks along pixel edges with tissue on the right hand (y points down: clockwise around a region, the other way
/// around a hole).
class EdgeWalker {
 public:
  EdgeWalker(const io::Image& mask, std::vector<bool>& visited) : mask_(mask), visited_(visited) {}

  /// From the top edge of tissue pixel (x, y), going right, back to where it began. `visit(pixel_x, pixel_y, x, y,
  /// turns)`: the tissue pixel along the edge, the corner at its end, and whether the path bends there.
  template <class Visit>
  void walk(int x, int y, Visit visit) {
    const int start_x = x, start_y = y;
    int direction = kRight;
    do {
      if (direction == kRight) visited_[index(x, y)] = true;
      const int pixel_x = x + kAheadRight[direction][0], pixel_y = y + kAheadRight[direction][1];
      x += kStepX[direction], y += kStepY[direction];
      const int turned = next_direction(x, y, direction);
      visit(pixel_x, pixel_y, x, y, turned != direction);
      direction = turned;
    } while (x != start_x || y != start_y || direction != kRight);
  }
  std::size_t index(int x, int y) const { return static_cast<std::size_t>(y) * mask_.width + x; }
  bool tissue(int x, int y) const {
    return x >= 0 && y >= 0 && x < mask_.width && y < mask_.height && *mask_.at(x, y) != 0;
  }

 private:
  static constexpr int kRight = 0;
  static constexpr std::array<int, 4> kStepX{1, 0, -1, 0}, kStepY{0, 1, 0, -1};
  // Pixel ahead on the left and on the right of corner (x, y), by direction: right, down, left, up.
  static constexpr std::array<std::array<int, 2>, 4> kLeft{{{0, -1}, {0, 0}, {-1, 0}, {-1, -1}}},
      kAheadRight{{{0, 0}, {-1, 0}, {-1, -1}, {0, -1}}};

  int next_direction(int x, int y, int direction) const {
    // Left first: tissue that touches only at a corner is one region (8-connected).
    if (tissue(x + kLeft[direction][0], y + kLeft[direction][1])) return (direction + 3) % 4;
    if (tissue(x + kAheadRight[direction][0], y + kAheadRight[direction][1])) return direction;
    return (direction + 1) % 4;
  }

  const io::Image& mask_;
  std::vector<bool>& visited_;
};

Ring corners_on_slide(EdgeWalker& walker, int x, int y, const MaskFrame& frame) {
  Ring ring;
  walker.walk(x, y, [&](int, int, int corner_x, int corner_y, bool turns) {
    if (turns)
      ring.emplace_back(frame.origin_x + corner_x * frame.pixel_px, frame.origin_y + corner_y * frame.pixel_px);
  });
  ring.push_back(ring.front());
  return ring;
}

PixelRing pixels_along(EdgeWalker& walker, int x, int y) {
  PixelRing ring;
  walker.walk(x, y, [&](int pixel_x, int pixel_y, int, int, bool) {
    if (ring.empty() || ring.back() != std::pair(pixel_x, pixel_y)) ring.emplace_back(pixel_x, pixel_y);
  });
  if (ring.size() > 1 && ring.back() == ring.front()) ring.pop_back();
  return ring;
}

/// Calls `found(region, x, y)` with the first top edge of every ring. In scan order a region's first free top edge lies
/// on its outer ring, so rings come outer first.
template <class Found>
void for_each_ring(const io::Image& mask, const Components& components, std::vector<bool>& visited,
                   const EdgeWalker& walker, Found found) {
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x)
      if (walker.tissue(x, y) && !walker.tissue(x, y - 1) && !visited[walker.index(x, y)])
        found(components.at(x, y), x, y);
}

}  // namespace

std::vector<io::TissueRegion> tissue_regions(const io::Image& mask, const MaskFrame& frame) {
  const Components components(mask, true);
  std::vector<io::TissueRegion> regions(components.count());
  const double pixel_mm2 = frame.mpp * frame.mpp * 1e-6;
  for (std::size_t i = 0; i < regions.size(); ++i)
    regions[i].area_mm2 = static_cast<double>(components.area_px(i)) * pixel_mm2;
  std::vector<bool> visited(mask.pixels.size(), false);
  EdgeWalker walker(mask, visited);
  for_each_ring(mask, components, visited, walker, [&](std::size_t region, int x, int y) {
    regions[region].rings.push_back(corners_on_slide(walker, x, y, frame));
  });
  return regions;
}

std::vector<PixelContour> pixel_contours(const io::Image& mask) {
  const Components components(mask, true);
  std::vector<PixelContour> contours(components.count());
  std::vector<bool> visited(mask.pixels.size(), false);
  EdgeWalker walker(mask, visited);
  for_each_ring(mask, components, visited, walker, [&](std::size_t region, int x, int y) {
    PixelContour& contour = contours[region];
    if (contour.outer.empty()) {
      contour.outer = pixels_along(walker, x, y);
      contour.x = x, contour.y = y;
    } else {
      contour.holes.push_back({pixels_along(walker, x, y), x, y - 1});
    }
  });
  return contours;
}

double polygon_area(const PixelRing& ring) {
  std::int64_t twice = 0;
  for (std::size_t i = 0, j = ring.size() - 1; i < ring.size(); j = i++)
    twice += static_cast<std::int64_t>(ring[j].first) * ring[i].second -
             static_cast<std::int64_t>(ring[i].first) * ring[j].second;
  return static_cast<double>(twice < 0 ? -twice : twice) / 2;
}

}  // namespace fovea::pipeline::slide
