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

  /// From the top edge of tissue pixel (x, y), going right, back to where it began.
  std::vector<std::pair<int, int>> walk(int x, int y) {
    std::vector<std::pair<int, int>> corners;
    const int start_x = x, start_y = y;
    int direction = kRight;
    do {
      if (direction == kRight) visited_[index(x, y)] = true;
      x += kStepX[direction], y += kStepY[direction];
      const int turned = next_direction(x, y, direction);
      if (turned != direction) corners.emplace_back(x, y);
      direction = turned;
    } while (x != start_x || y != start_y || direction != kRight);
    return corners;
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

Ring on_slide(const std::vector<std::pair<int, int>>& corners, const MaskFrame& frame) {
  Ring ring;
  ring.reserve(corners.size() + 1);
  for (const auto& [x, y] : corners)
    ring.emplace_back(frame.origin_x + x * frame.pixel_px, frame.origin_y + y * frame.pixel_px);
  ring.push_back(ring.front());
  return ring;
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
  // In scan order a region's first free top edge lies on its outer ring, so rings come outer first.
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x)
      if (walker.tissue(x, y) && !walker.tissue(x, y - 1) && !visited[walker.index(x, y)])
        regions[components.at(x, y)].rings.push_back(on_slide(walker.walk(x, y), frame));
  return regions;
}

}  // namespace fovea::pipeline::slide
