// Attention of one result as it is shown: one branch or their mean, in one scale. Made away from the window's thread.
#pragma once

#include <QImage>
#include <QString>

#include <memory>
#include <string>
#include <vector>

#include <fovea/pipeline/attention_result.h>

namespace fovea::gui {

struct AttentionChoice {
  qint64 branch = -1;                ///< -1: mean
  std::string scale = "percentile";  ///< percentile, minmax, raw
  bool operator==(const AttentionChoice&) const = default;
};

struct AttentionView {
  static constexpr std::size_t kTop = 48;
  std::shared_ptr<const pipeline::AttentionResult> result;
  AttentionChoice choice;
  std::vector<float> attention;    ///< [N] sums to 1
  std::vector<std::int64_t> rank;  ///< [N] 1 = most attended
  std::vector<std::int64_t> top;   ///< the kTop most attended tiles
  pipeline::AttentionRaster raster;
};

std::shared_ptr<const AttentionView> attentionView(std::shared_ptr<const pipeline::AttentionResult> result,
                                                   const AttentionChoice& choice);

/// The raster in colours, transparent where no tile lies. One pixel a raster pixel.
QImage colouredRaster(const pipeline::AttentionRaster& raster, std::string_view map);

}  // namespace fovea::gui
