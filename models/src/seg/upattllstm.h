// UpAttLLSTM, our reconstruction: the network of recurrent_segmentation.h as a row of the registry.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fovea/models/segmentation.h>

namespace fovea::models::seg {

inline constexpr std::string_view kUpattName = "upattllstm";

/// The variant's words.
struct RecurrentForm {
  bool bidirectional = true, logic = false;
};
RecurrentForm recurrent_form(const SegConfig& config);  ///< Error(kUsage) for unknown words

/// Heads at the first three levels, one where supervision is off.
std::int64_t upatt_heads(const SegConfig& config);

std::vector<TensorSpec> upatt_specs(const SegConfig& config);
std::optional<SegConfig> upatt_recognise(const StateDict& state);
std::unique_ptr<SegNetwork> make_upatt(const SegConfig& config, StateDict state);

}  // namespace fovea::models::seg
