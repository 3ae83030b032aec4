#include "mri/overlay.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mri/intensity.h"
#include "mri/resample.h"
#include "slide/font.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

using slide::Colour;

constexpr double kPanePixels = 470;  // of the longest side among the three views
constexpr int kMargin = 18, kGap = 14, kScale = 2, kLine = slide::kGlyphHeight * kScale + 4;
constexpr double kFill = 0.28;  // strength of the colour inside an outline
constexpr double kBarMm = 50;
constexpr std::size_t kWindowVoxels = 1'000'000;
constexpr Colour kPaper{14, 17, 22}, kInk{225, 229, 235}, kQuiet{140, 148, 160}, kMark{255, 214, 102};

/// A view: which LPS axis runs right and which down in the picture, and the letters at its four sides.
struct View {
  std::string name;
  std::size_t right, down, across;
  bool down_is_negative;  ///< the lower edge lies at the axis' low end (superior is up)
  const char *left_letter, *right_letter, *top_letter, *bottom_letter;
  char positive, negative;  ///< letters of the axis across
};
const std::array<View, 3> kViews{{{"axial", 0, 1, 2, false, "R", "L", "A", "P", 'S', 'I'},
                                  {"coronal", 0, 2, 1, true, "R", "L", "S", "I", 'P', 'A'},
                                  {"sagittal", 1, 2, 0, true, "A", "P", "S", "I", 'L', 'R'}}};

struct Extent {
  Vec3 low, high;
};

/// Of the outer voxel faces' corners.
Extent extent_of(const io::Geometry& g) {
  Extent extent;
  extent.low.fill(std::numeric_limits<double>::infinity()), extent.high.fill(-std::numeric_limits<double>::infinity());
  for (int corner = 0; corner < 8; ++corner) {
    Vec3 index;
    for (std::size_t a = 0; a < 3; ++a) index[a] = corner >> a & 1 ? static_cast<double>(g.size[a]) - 0.5 : -0.5;
    const Vec3 p = g.point_lps(index);
    for (std::size_t a = 0; a < 3; ++a)
      extent.low[a] = std::min(extent.low[a], p[a]), extent.high[a] = std::max(extent.high[a], p[a]);
  }
  return extent;
}

/// One pane's place in the picture and its scale.
struct Pane {
  const View* view;
  int x, y, width, height;
  double mm_per_pixel;
  Extent extent;

  Affine index_from_pixel(const io::Geometry& g, const Vec3& centre) const {
    Affine lps;
    lps.linear.fill(0);
    lps.offset = centre;
    lps.linear[3 * view->right] = mm_per_pixel;
    lps.offset[view->right] = extent.low[view->right] + 0.5 * mm_per_pixel;
    lps.linear[3 * view->down + 1] = view->down_is_negative ? -mm_per_pixel : mm_per_pixel;
    lps.offset[view->down] = view->down_is_negative ? extent.high[view->down] - 0.5 * mm_per_pixel
                                                    : extent.low[view->down] + 0.5 * mm_per_pixel;
    return compose(inverse(lps_from_index(g)), lps);
  }
  /// Column and row of a point.
  std::array<double, 2> pixel(const Vec3& p) const {
    const double down =
        view->down_is_negative ? extent.high[view->down] - p[view->down] : p[view->down] - extent.low[view->down];
    return {(p[view->right] - extent.low[view->right]) / mm_per_pixel - 0.5, down / mm_per_pixel - 0.5};
  }
};

struct Window {
  double low, high;
  double grey(double value) const { return std::clamp((value - low) / (high - low), 0.0, 1.0) * 255; }
};

/// Percentiles of what is brighter than nothing: air would push the window down. A million voxels tell them.
Window window_of(const std::vector<float>& values) {
  std::vector<float> positive, some;
  for (std::size_t i = 0; i < values.size(); i += values.size() / kWindowVoxels + 1) {
    some.push_back(values[i]);
    if (values[i] > 0) positive.push_back(values[i]);
  }
  const std::vector<float>& used = positive.empty() ? some : positive;
  const double low = percentile(used, 1), high = percentile(used, 99.7);
  return {low, high > low ? high : low + 1};
}

bool edge(const Grid& labels, std::int64_t x, std::int64_t y) {
  const float own = labels.values[labels.at(x, y, 0)];
  if (own == 0) return false;
  for (const auto& [dx, dy] : {std::pair{1, 0},
                               {-1, 0},
                               {0, 1},
                               {0, -1},
                               {2, 0},
                               {-2, 0},
                               {0, 2},
                               {0, -2},
                               {1, 1},
                               {-1, 1},
                               {1, -1},
                               {-1, -1}}) {
    const std::int64_t nx = x + dx, ny = y + dy;
    if (nx < 0 || ny < 0 || nx >= labels.size[0] || ny >= labels.size[1] || labels.values[labels.at(nx, ny, 0)] != own)
      return true;
  }
  return false;
}

class Picture {
 public:
  Picture(const io::Volume& volume, const io::LabelVolume& labels, const Vec3& centre,
          const std::vector<std::array<double, 3>>& colours, const OverlayText& text)
      : volume_(volume), colours_(colours), text_(text), centre_(centre), window_(window_of(volume.values)) {
    source_.size = volume.geometry.size, source_.values = volume.values;
    labels_ = Grid(labels.geometry.size);
    std::copy(labels.values.begin(), labels.values.end(), labels_.values.begin());
  }

  io::Image draw() {
    const std::vector<Pane> panes = arrange();
    for (const Pane& pane : panes) draw_pane(pane);
    text(text_.title, kMargin, kMargin, kInk, image_.width - 2 * kMargin);
    int y = image_.height - kMargin - kLine * static_cast<int>(text_.lines.size());
    for (const std::string& line : text_.lines) {
      text(line, kMargin, y, &line == &text_.lines.back() ? kQuiet : kInk, image_.width - 2 * kMargin);
      y += kLine;
    }
    return std::move(image_);
  }

 private:
  std::vector<Pane> arrange() {
    const Extent extent = extent_of(volume_.geometry);
    double longest = 1e-6;
    for (std::size_t a = 0; a < 3; ++a) longest = std::max(longest, extent.high[a] - extent.low[a]);
    const double mm_per_pixel = longest / kPanePixels;
    std::vector<Pane> panes;
    int x = kMargin, tallest = 1;
    for (const View& view : kViews) {
      const auto pixels = [&](std::size_t a) {
        return std::max(1, static_cast<int>(std::lround((extent.high[a] - extent.low[a]) / mm_per_pixel)));
      };
      panes.push_back({&view, x, kMargin + kLine + kGap, pixels(view.right), pixels(view.down), mm_per_pixel, extent});
      // A sliver of a thin slab still needs room for its caption.
      x += std::max(panes.back().width, 170) + kGap;
      tallest = std::max(tallest, panes.back().height);
    }
    const int caption = kLine + 4;
    const int height =
        kMargin + kLine + kGap + tallest + caption + kGap + kLine * static_cast<int>(text_.lines.size()) + kMargin;
    image_ = io::Image(std::max(x - kGap + kMargin, 700), height, 3);
    slide::fill_rectangle(image_, 0, 0, image_.width, image_.height, kPaper);
    for (Pane& pane : panes) pane.y += (tallest - pane.height) / 2;
    return panes;
  }

  void draw_pane(const Pane& pane) {
    const Affine index_from_pixel = pane.index_from_pixel(volume_.geometry, centre_);
    const Index3 size{pane.width, pane.height, 1};
    const Grid grey = resample(source_, index_from_pixel, size, Interpolation::kLinear, Outside::kHalfVoxel);
    const Grid labels = resample(labels_, index_from_pixel, size, Interpolation::kNearest, Outside::kHalfVoxel);
    for (int y = 0; y < pane.height; ++y)
      for (int x = 0; x < pane.width; ++x) paint(pane, x, y, grey, labels);
    draw_marks(pane);
    draw_letters(pane);
  }

  void paint(const Pane& pane, int x, int y, const Grid& grey, const Grid& labels) {
    const double value = window_.grey(grey.values[grey.at(x, y, 0)]);
    const auto label = static_cast<std::size_t>(labels.values[labels.at(x, y, 0)]);
    std::uint8_t* target = image_.at(pane.x + x, pane.y + y);
    const double strength = label == 0 ? 0 : edge(labels, x, y) ? 1 : kFill;
    for (std::size_t c = 0; c < 3; ++c) {
      const double colour = label == 0 ? 0 : 255 * colours_[(label - 1) % colours_.size()][c];
      target[c] = static_cast<std::uint8_t>(std::lround((1 - strength) * value + strength * colour));
    }
  }

  /// Short ticks at the pane's rim show where the other two planes cut; the picture itself stays free.
  void draw_marks(const Pane& pane) {
    const auto [column, row] = pane.pixel(centre_);
    const int x = pane.x + static_cast<int>(std::lround(column)), y = pane.y + static_cast<int>(std::lround(row)),
              tick = 9;
    const auto inside = [&](int px, int py) {
      return px >= pane.x && py >= pane.y && px < pane.x + pane.width && py < pane.y + pane.height;
    };
    if (!inside(x, y)) return;
    for (const int py : {pane.y, pane.y + pane.height - tick})
      slide::fill_rectangle(image_, x, std::max(py, pane.y), 1, tick, kMark);
    for (const int px : {pane.x, pane.x + pane.width - tick})
      slide::fill_rectangle(image_, std::max(px, pane.x), y, tick, 1, kMark);
  }

  void draw_letters(const Pane& pane) {
    const View& view = *pane.view;
    const int glyph = slide::text_width("A", kScale), high = slide::kGlyphHeight * kScale,
              middle = pane.y + (pane.height - high) / 2, centre = pane.x + (pane.width - glyph) / 2;
    // Beside the ticks, which may stand in the middle of the rim.
    letter(view.left_letter, pane.x + 14, middle), letter(view.right_letter, pane.x + pane.width - 14 - glyph, middle);
    letter(view.top_letter, centre, pane.y + 12), letter(view.bottom_letter, centre, pane.y + pane.height - 12 - high);
    const double at = centre_[view.across];
    const std::string caption = view.name + "  " + std::string(1, at >= 0 ? view.positive : view.negative) + " " +
                                slide::fixed_text(std::abs(at), 1) + " mm";
    text(caption, pane.x, pane.y + pane.height + 6, kQuiet, std::max(pane.width, 170));
    const int bar = static_cast<int>(std::lround(kBarMm / pane.mm_per_pixel));
    if (view.name != "axial" || bar + 100 > pane.width) return;
    const int x = pane.x + pane.width - bar - 12, y = pane.y + pane.height - 14;
    slide::fill_rectangle(image_, x, y, bar, 3, kInk);
    text("5 cm", x + (bar - slide::text_width("5 cm", kScale)) / 2, y - kLine, kInk, 200);
  }

  /// With a dark rim, so that it reads on bright tissue as well.
  void letter(const char* name, int x, int y) {
    for (int dy = -1; dy <= 1; ++dy)
      for (int dx = -1; dx <= 1; ++dx) slide::draw_text(image_, x + dx, y + dy, name, {0, 0, 0}, kScale);
    slide::draw_text(image_, x, y, name, kMark, kScale);
  }
  void text(const std::string& words, int x, int y, const Colour& colour, int width) {
    slide::draw_text(image_, x, y, slide::fitted_text(words, width, kScale), colour, kScale);
  }

  const io::Volume& volume_;
  const std::vector<std::array<double, 3>>& colours_;
  const OverlayText& text_;
  Vec3 centre_;
  Window window_;
  Grid source_, labels_;
  io::Image image_;
};

}  // namespace

Vec3 centre_of(const io::Geometry& g) {
  return g.point_lps({static_cast<double>(g.size[0] - 1) / 2, static_cast<double>(g.size[1] - 1) / 2,
                      static_cast<double>(g.size[2] - 1) / 2});
}

io::Image draw_overlay(const io::Volume& volume, const io::LabelVolume& labels, const Vec3& centre_lps_mm,
                       const std::vector<std::array<double, 3>>& colours, const OverlayText& text) {
  return Picture(volume, labels, centre_lps_mm, colours, text).draw();
}

}  // namespace fovea::pipeline::mri
