// The picture of a prediction: attention over the slide's thumbnail, or over white where there is no slide.
#pragma once

#include <cstdint>

#include "slide/attention_values.h"
#include "slide/heatmap.h"
#include "slide/prediction.h"

namespace fovea::pipeline::slide {

/// `branch`: what `drawn` was taken from, for the legend; -1: the mean. Needs coordinates and a tile edge.
io::Image attention_figure(const Prediction& prediction, std::int64_t branch, const HeatmapStyle& style,
                           const DrawnValues& drawn);

}  // namespace fovea::pipeline::slide
