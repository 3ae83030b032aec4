// Which architecture a table of tensors is, from names and shapes alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <fovea/io/weights.h>
#include <fovea/models/encoder.h>
#include <fovea/models/mil.h>
#include <fovea/models/segmentation.h>
#include <fovea/models/state.h>

namespace fovea::pipeline {

/// Exactly one of `mil`, `segmentation`, `encoder` is set.
struct RecognisedModel {
  std::optional<models::MilConfig> mil;
  std::optional<models::SegConfig> segmentation;
  const models::EncoderRow* encoder = nullptr;
  std::vector<models::TensorSpec> specs;
  models::StateDict state;  ///< checked: exactly the specs' names, float32, contiguous
  std::vector<std::string> notices;

  std::string task() const;  ///< "mil", "segmentation", "encoder"
  std::string architecture() const;
};

/// Tries the registries in order: MIL, segmentation with canonical names, segmentation with anonymous layers (Keras,
/// ONNX), encoders; first with the names as they are, then without wrappers' leftovers. Errors: kShape listing every
/// missing, unexpected and mis-shaped name of the nearest architecture; kUnsupported naming what was looked for when
/// nothing is near.
RecognisedModel recognise_weights(const io::WeightFile& file, const std::string& subject);

/// The tensors under `prefix`, without it. Empty when there is none.
models::StateDict under_prefix(const models::StateDict& state, std::string_view prefix);

}  // namespace fovea::pipeline
