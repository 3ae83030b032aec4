// One network, three sets of names. The graph knows timm's; the others are a table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fovea/models/vit.h>

namespace fovea::models::encoder_detail {

/// The tensors of a file that make up the tensor that timm calls `name`, in order along the first dimension: one, or
/// three where queries, keys and values are stored apart. Empty when the naming has no such tensor.
std::vector<std::string> vit_file_names(VitNaming naming, bool gated, std::string_view name);

}  // namespace fovea::models::encoder_detail
