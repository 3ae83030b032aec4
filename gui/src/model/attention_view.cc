#include "model/attention_view.h"

#include <fovea/pipeline/colour_table.h>

#include <algorithm>
#include <cmath>

namespace fovea::gui {

std::shared_ptr<const AttentionView> attentionView(std::shared_ptr<const pipeline::AttentionResult> result,
                                                   const AttentionChoice& choice) {
  auto view = std::make_shared<AttentionView>();
  view->choice = choice;
  view->attention = result->attention(choice.branch);
  view->rank = result->ranks(choice.branch);
  view->top = result->top(choice.branch, AttentionView::kTop);
  view->raster = result->raster(choice.branch, choice.scale);
  view->result = std::move(result);
  return view;
}

QImage colouredRaster(const pipeline::AttentionRaster& raster, std::string_view map) {
  if (raster.width == 0 || raster.height == 0) return {};
  const auto colours = pipeline::colour_table(map);
  QImage image(raster.width, raster.height, QImage::Format_ARGB32_Premultiplied);
  const float* value = raster.value.data();
  for (int y = 0; y < raster.height; ++y) {
    auto* line = reinterpret_cast<QRgb*>(image.scanLine(y));
    for (int x = 0; x < raster.width; ++x, ++value) {
      if (std::isnan(*value)) {
        line[x] = 0;
        continue;
      }
      line[x] = 0xff000000 | colours[static_cast<std::size_t>(std::clamp(std::lround(*value * 255), 0L, 255L))];
    }
  }
  return image;
}

}  // namespace fovea::gui
