// The picture a person looks at: attention over a thumbnail, with a colour bar, a scale bar and what the colours mean.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fovea/io/image.h>

#include "slide/attention_values.h"
#include "slide/contours.h"
#include "slide/overview.h"

namespace fovea::pipeline::slide {

constexpr int kFigureEdge = 2048;  ///< longest edge of the drawn slide

struct HeatmapStyle {
  std::string colour_map = "viridis";
  double alpha = 0.4;
};

/// Where and what to draw. Spans and pointers are borrowed.
struct HeatmapContent {
  std::span<const std::int64_t> coords;  ///< 2N, level 0
  std::span<const float> value;          ///< [N], 0..1
  double footprint_px = 0;               ///< tile edge on level 0
  MaskFrame frame;                       ///< of the background picture; mpp <= 0: no scale bar
  const io::Image* tissue = nullptr;     ///< colours stay inside it; null: everywhere
  MaskFrame tissue_frame;
};

struct Legend {
  std::string title;                                    ///< "attention, percentile rank"
  double low = 0, high = 1;                             ///< at the ends of the bar
  std::vector<std::pair<std::string, double>> classes;  ///< names and probabilities, most likely first
  std::vector<std::string> lines;                       ///< further lines, small
};

/// Sums of drawn values and numbers of tiles on the rows [top, bottom) of a picture, row by row.
struct ScoreBand {
  int top = 0, bottom = 0, width = 0;
  std::vector<float> sum;
  std::vector<std::uint16_t> count;  ///< 0: no tile lies there
  double mean(std::size_t i) const { return static_cast<double>(sum[i]) / count[i]; }
};
ScoreBand score_band(const HeatmapContent& content, int width, int top, int bottom);

/// Blends the attention into `picture`: the mean where tiles overlap, nothing where no tile lies.
void draw_attention(io::Image& picture, const HeatmapContent& content, const HeatmapStyle& style);

/// The picture with its legend at the right.
io::Image with_legend(const io::Image& picture, const Legend& legend, const HeatmapStyle& style,
                      const MaskFrame& frame);

}  // namespace fovea::pipeline::slide
