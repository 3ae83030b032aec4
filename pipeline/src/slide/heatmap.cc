#include "slide/heatmap.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fovea/io/colormap.h>

#include "slide/font.h"
#include "slide/read_plan.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

constexpr int kBandRows = 128;  // the score canvas exists for this many rows at a time
constexpr Colour kInk{40, 40, 46}, kFaint{120, 120, 128};

/// Rectangle of a tile in picture pixels. Both ends are rounded, so that neighbours abut.
struct Box {
  int x0, y0, x1, y1;
};
Box tile_box(const HeatmapContent& content, std::size_t tile) {
  const double x = static_cast<double>(content.coords[2 * tile]) - content.frame.origin_x;
  const double y = static_cast<double>(content.coords[2 * tile + 1]) - content.frame.origin_y;
  const auto pixel = [&](double position) { return static_cast<int>(rounded_px(position / content.frame.pixel_px)); };
  const int x0 = pixel(x), y0 = pixel(y);
  return {x0, y0, std::max(x0 + 1, pixel(x + content.footprint_px)), std::max(y0 + 1, pixel(y + content.footprint_px))};
}

/// Tissue share at a picture pixel, interpolated so that the outline is smooth where a mask pixel covers many picture
/// pixels.
class TissueTest {
 public:
  explicit TissueTest(const HeatmapContent& content) : content_(content) {}
  bool operator()(int x, int y) const {
    if (!content_.tissue) return true;
    const MaskFrame &from = content_.frame, &to = content_.tissue_frame;
    const double mask_x = (from.origin_x + (x + 0.5) * from.pixel_px - to.origin_x) / to.pixel_px - 0.5;
    const double mask_y = (from.origin_y + (y + 0.5) * from.pixel_px - to.origin_y) / to.pixel_px - 0.5;
    const int x0 = static_cast<int>(std::floor(mask_x)), y0 = static_cast<int>(std::floor(mask_y));
    const double fx = mask_x - x0, fy = mask_y - y0;
    const double share = (1 - fy) * ((1 - fx) * at(x0, y0) + fx * at(x0 + 1, y0)) +
                         fy * ((1 - fx) * at(x0, y0 + 1) + fx * at(x0 + 1, y0 + 1));
    return share >= 0.5;
  }

 private:
  double at(int x, int y) const {
    const io::Image& mask = *content_.tissue;
    return *mask.at(std::clamp(x, 0, mask.width - 1), std::clamp(y, 0, mask.height - 1)) != 0;
  }
  const HeatmapContent& content_;
};

void draw_bar(io::Image& image, int x, int y, int width, int height, const Legend& legend, const HeatmapStyle& style,
              int scale) {
  for (int row = 0; row < height; ++row)
    fill_rectangle(image, x, y + row, width, 1,
                   io::colour(style.colour_map, 1 - static_cast<double>(row) / std::max(1, height - 1)));
  for (int tick = 0; tick <= 4; ++tick) {
    const int at = y + (height - 1) * tick / 4;
    const double value = legend.high + (legend.low - legend.high) * tick / 4;
    fill_rectangle(image, x + width, at - scale / 2, 3 * scale, scale, kInk);
    draw_text(image, x + width + 6 * scale, at - 3 * scale - scale / 2, number_text(value, 3), kInk, scale);
  }
}

/// The largest of 1, 2, 5 x 10^n micrometres that fits.
double scale_bar_um(double available_um) {
  double best = 1;
  for (double decade = 1; decade <= 1e6; decade *= 10)
    for (const double step : {1.0, 2.0, 5.0})
      if (decade * step <= available_um) best = decade * step;
  return best;
}

int draw_scale_bar(io::Image& image, int x, int y, int width, const MaskFrame& frame, int scale) {
  if (frame.mpp <= 0) return y;
  const double length_um = scale_bar_um(width * frame.mpp);
  fill_rectangle(image, x, y, std::max(1, static_cast<int>(length_um / frame.mpp)), 2 * scale, kInk);
  draw_text(image, x, y + 5 * scale,
            length_um >= 1000 ? number_text(length_um / 1000) + " mm" : number_text(length_um) + " um", kInk, scale);
  return y + (kGlyphHeight + 12) * scale;
}

int draw_classes(io::Image& image, int x, int y, int width, const Legend& legend, int scale) {
  const int line = (kGlyphHeight + 9) * scale;
  for (const auto& [name, probability] : legend.classes) {
    const std::string number = fixed_text(probability, 3);
    draw_text(image, x, y, fitted_text(name, width - text_width(number + " ", scale), scale), kInk, scale);
    draw_text(image, x + width - text_width(number, scale), y, number, kInk, scale);
    const int bar = y + kGlyphHeight * scale;
    fill_rectangle(image, x, bar, width, 3 * scale, {228, 228, 232});
    fill_rectangle(image, x, bar, static_cast<int>(width * std::clamp(probability, 0.0, 1.0)), 3 * scale,
                   {68, 102, 160});
    y += line;
  }
  return y;
}

}  // namespace

ScoreBand score_band(const HeatmapContent& content, int width, int top, int bottom) {
  ScoreBand band{top, bottom, width, {}, {}};
  band.sum.assign(static_cast<std::size_t>(bottom - top) * width, 0);
  band.count.assign(band.sum.size(), 0);
  for (std::size_t tile = 0; tile < content.value.size(); ++tile) {
    const Box box = tile_box(content, tile);
    for (int y = std::max(box.y0, top); y < std::min(box.y1, bottom); ++y) {
      for (int x = std::max(box.x0, 0); x < std::min(box.x1, width); ++x) {
        const std::size_t i = static_cast<std::size_t>(y - top) * width + x;
        band.sum[i] += content.value[tile];
        ++band.count[i];
      }
    }
  }
  return band;
}

void draw_attention(io::Image& picture, const HeatmapContent& content, const HeatmapStyle& style) {
  std::array<io::Rgb, 256> colours;
  for (int i = 0; i < 256; ++i) colours[i] = io::colour(style.colour_map, i / 255.0);
  const TissueTest in_tissue(content);
  for (int top = 0; top < picture.height; top += kBandRows) {
    const ScoreBand canvas = score_band(content, picture.width, top, std::min(picture.height, top + kBandRows));
    for (int y = top; y < canvas.bottom; ++y) {
      for (int x = 0; x < picture.width; ++x) {
        const std::size_t i = static_cast<std::size_t>(y - top) * picture.width + x;
        if (canvas.count[i] == 0 || !in_tissue(x, y)) continue;
        const io::Rgb& colour =
            colours[static_cast<std::size_t>(std::clamp(std::lround(canvas.mean(i) * 255), 0L, 255L))];
        std::uint8_t* pixel = picture.at(x, y);
        for (int c = 0; c < 3; ++c)
          pixel[c] = static_cast<std::uint8_t>(std::lround(style.alpha * colour[c] + (1 - style.alpha) * pixel[c]));
      }
    }
  }
}

io::Image with_legend(const io::Image& picture, const Legend& legend, const HeatmapStyle& style,
                      const MaskFrame& frame) {
  const int scale = picture.height >= 1100 ? 3 : picture.height >= 500 ? 2 : 1;
  const int margin = 10 * scale, column = 190 * scale;
  const int line = (kGlyphHeight + 2) * scale;
  const int class_height = static_cast<int>(legend.classes.size()) * (kGlyphHeight + 9) * scale;
  const int text_height = static_cast<int>(legend.lines.size()) * line;
  const int bar_minimum = 90 * scale;
  const int needed = 2 * margin + 2 * line + class_height + bar_minimum + 6 * line + text_height;
  io::Image figure(picture.width + 3 * margin + column, std::max(picture.height + 2 * margin, needed), 3, 255);
  for (int y = 0; y < picture.height; ++y)
    std::copy_n(picture.at(0, y), 3 * picture.width, figure.at(margin, margin + y));

  const int x = picture.width + 2 * margin;
  int y = draw_classes(figure, x, margin, column, legend, scale) + line;
  draw_text(figure, x, y, fitted_text(legend.title, column, scale), kInk, scale);
  y += line + 4 * scale;
  const int below = 3 * line + text_height + margin;
  const int bar_height = std::clamp(figure.height - y - below, bar_minimum, 220 * scale);
  draw_bar(figure, x, y, 18 * scale, bar_height, legend, style, scale);
  y = draw_scale_bar(figure, x, y + bar_height + line + 4 * scale, std::min(column, picture.width), frame, scale);
  for (const std::string& text : legend.lines) {
    draw_text(figure, x, y, fitted_text(text, column, scale), kFaint, scale);
    y += line;
  }
  return figure;
}

}  // namespace fovea::pipeline::slide
