#include "slide/attention_figure.h"

#include <algorithm>
#include <limits>

namespace fovea::pipeline::slide {
namespace {

constexpr int kTopClasses = 6;  // in the picture's legend; all are in the JSON

Legend legend_of(const Prediction& p, std::int64_t branch, const DrawnValues& drawn) {
  Legend legend;
  legend.title = drawn.caption, legend.low = drawn.low, legend.high = drawn.high;
  for (std::size_t i = 0; i < p.labels.size(); ++i) legend.classes.emplace_back(p.labels[i], p.bag_prob[i]);
  std::stable_sort(legend.classes.begin(), legend.classes.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (legend.classes.size() > kTopClasses) legend.classes.resize(kTopClasses);
  legend.lines.push_back(std::to_string(p.tiles) + " tiles, " +
                         (p.branches == 1 ? "one branch"
                          : branch < 0 ? "mean of " + std::to_string(p.branches) + (p.heads > 1 ? " maps" : " branches")
                                       : "branch " + std::to_string(branch)));
  legend.lines.push_back("research use only");
  return legend;
}

io::Image slide_figure(const Prediction& p, std::int64_t branch, const HeatmapStyle& style, const DrawnValues& drawn) {
  io::Image picture = p.thumbnail;
  const bool masked = p.tissue && !p.tissue->mask.pixels.empty();
  HeatmapContent content{p.coords, drawn.value, p.footprint_px, p.thumbnail_grid.frame};
  if (masked) content.tissue = &p.tissue->mask, content.tissue_frame = p.tissue->grid.frame;
  draw_attention(picture, content, style);
  return with_legend(picture, legend_of(p, branch, drawn), style, p.thumbnail_grid.frame);
}

/// Without a slide: tiles on white, a margin of one tile around them.
io::Image bag_figure(const Prediction& p, std::int64_t branch, const HeatmapStyle& style, const DrawnValues& drawn) {
  double low_x = std::numeric_limits<double>::max(), low_y = low_x, high_x = std::numeric_limits<double>::lowest(),
         high_y = high_x;
  for (std::size_t i = 0; i + 1 < p.coords.size(); i += 2) {
    const auto x = static_cast<double>(p.coords[i]), y = static_cast<double>(p.coords[i + 1]);
    low_x = std::min(low_x, x), low_y = std::min(low_y, y);
    high_x = std::max(high_x, x + p.footprint_px), high_y = std::max(high_y, y + p.footprint_px);
  }
  const double margin = p.footprint_px, width = high_x - low_x + 2 * margin, height = high_y - low_y + 2 * margin;
  const double mpp = p.bag_geometry ? p.bag_geometry->mpp_level0.value_or(0) : 0;
  HeatmapContent content{p.coords, drawn.value, p.footprint_px};
  const double pixel =
      std::max(std::max(width, height) / 1200, p.footprint_px / 48);  // a handful of tiles need not fill a wall
  content.frame = {low_x - margin, low_y - margin, pixel, mpp * pixel};
  io::Image picture(std::max(1, static_cast<int>(width / pixel)), std::max(1, static_cast<int>(height / pixel)), 3,
                    255);
  HeatmapStyle opaque = style;
  opaque.alpha = std::max(style.alpha, 0.9);  // there is nothing below to see
  draw_attention(picture, content, opaque);
  return with_legend(picture, legend_of(p, branch, drawn), opaque, content.frame);
}

}  // namespace

io::Image attention_figure(const Prediction& prediction, std::int64_t branch, const HeatmapStyle& style,
                           const DrawnValues& drawn) {
  return prediction.slide ? slide_figure(prediction, branch, style, drawn)
                          : bag_figure(prediction, branch, style, drawn);
}

}  // namespace fovea::pipeline::slide
