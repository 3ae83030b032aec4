#include "slide/bag_checks.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fovea/base/error.h>

#include "mil/run_files.h"

namespace fovea::pipeline::slide {

void require_classes(const LoadedMil& mil, const std::string& model_name) {
  const auto task = mil::head_of(mil.description.metadata, mil.description.labels).task();
  if (task == evaluation::Task::kClassification) return;
  throw Error(ErrorCode::kUnsupported, model_name,
              "it was trained for " + evaluation::task_name(task) + ", not for one class of several",
              "Run fovea mil predict on the slide's features.");
}

std::string other_encoder(const std::string& features, const std::string& trained) {
  if (features.empty() || trained.empty() || features == trained) return {};
  return "the features are from encoder '" + features + "', but the model was trained with '" + trained + "'";
}

void check_encoder(const EncoderCheck& check, const std::string& subject, const std::string& name, std::int64_t width,
                   std::vector<std::string>& notices) {
  const std::int64_t wanted = check.mil.model->config().features;
  if (width != wanted)
    throw Error(ErrorCode::kShape, subject,
                "the features are " + std::to_string(width) + " wide, but model " + check.model_name + " wants " +
                    std::to_string(wanted),
                "Use the encoder the model was trained with.");
  const auto& metadata = check.mil.description.metadata;
  const auto trained = metadata.find("fovea.encoder");
  const std::string problem = other_encoder(name, trained == metadata.end() ? std::string{} : trained->second);
  if (problem.empty()) return;
  if (!check.any_encoder)
    throw Error(ErrorCode::kShape, subject, problem, "Use that encoder, or pass --any-encoder if they are the same.");
  notices.push_back(problem);
}

double tile_edge(const io::BagGeometry& geometry, const std::vector<std::int64_t>& coords,
                 std::vector<std::string>& notices) {
  if (geometry.footprint_px > 0 || coords.empty()) return geometry.footprint_px;
  std::set<std::int64_t> positions[2];
  for (std::size_t i = 0; i < coords.size(); ++i) positions[i % 2].insert(coords[i]);
  std::int64_t smallest = 0;
  for (const auto& axis : positions)
    for (auto it = axis.begin(); it != axis.end() && std::next(it) != axis.end(); ++it)
      smallest = smallest == 0 ? *std::next(it) - *it : std::min(smallest, *std::next(it) - *it);
  if (smallest > 0)
    notices.push_back("the bag does not tell the tile size: tiles are drawn with the grid's spacing of " +
                      std::to_string(smallest) + " px");
  else
    notices.push_back("the bag does not tell the tile size: no heatmap was drawn");
  return static_cast<double>(smallest);
}

void require_finite(const Prediction& prediction, const std::filesystem::path& file) {
  const auto finite = [](const std::vector<float>& values) {
    return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
  };
  if (finite(prediction.bag_logits) && finite(prediction.attention_raw)) return;
  throw Error(ErrorCode::kCorrupt, file.filename().string(),
              "the result is not a number: the features or the weights hold NaN or infinite values",
              "Make the file again.");
}

}  // namespace fovea::pipeline::slide
