// What a weight file was probably meant to be, when it is nothing exactly: so that an error can list every missing,
// unexpected and mis-shaped name of the nearest architecture at once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <fovea/models/encoder.h>
#include <fovea/models/mil.h>
#include <fovea/models/segmentation.h>
#include <fovea/models/state.h>

namespace fovea::pipeline {

/// The specs of an architecture with its widths filled in by the majority of the tensors that state them.
struct NearestModel {
  std::string architecture;
  std::vector<models::TensorSpec> specs;
  std::size_t shared_names = 0;  ///< names that specs and file have in common
};

/// Over all registries; nothing when no architecture shares half of its names with `given`.
std::optional<NearestModel> nearest_model(const models::StateDict& given);

/// Missing + unexpected + mis-shaped.
std::size_t mismatches(const std::vector<models::TensorSpec>& specs, const models::StateDict& given);

}  // namespace fovea::pipeline
