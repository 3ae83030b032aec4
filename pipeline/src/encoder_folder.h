// An encoder as people download it: a folder with config.json and weights. Config, weights and, where the encoder is
// known, its row of the registry must tell the same.
#pragma once

#include <filesystem>

#include <fovea/models/encoder.h>

#include "model_store.h"

namespace fovea::pipeline {

bool is_encoder_folder(const std::filesystem::path& folder);

/// `row`: the encoder the user named; null: one that the folder is called after is looked for. Error(kShape) when the
/// weights are not those of a named row, or contradict the config; differences of normalisation are notices.
LoadedEncoder encoder_from_folder(const std::filesystem::path& folder, const models::EncoderRow* row,
                                  const Placement& placement);

/// A weight file alone, as the named row.
LoadedEncoder encoder_of_row(const std::filesystem::path& weights, const models::EncoderRow& row,
                             const Placement& placement);

/// On the device and in the precision asked for. Error(kUsage) for half precision on the CPU.
models::StateDict placed(models::StateDict state, const Placement& placement);

}  // namespace fovea::pipeline
