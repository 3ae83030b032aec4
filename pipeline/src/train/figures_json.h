// What a pass over the validation part gave, as JSON and back, bit for bit.
#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "train/trainee.h"

namespace fovea::pipeline::train {

using Json = nlohmann::json;

/// JSON knows no NaN: null stands for it. Finite numbers come back bit for bit.
Json number(double value);
double number(const Json& json);
Json optional(const std::optional<double>& value);
std::optional<double> optional(const Json& json);

Json to_json(const Figures& figures);
Figures figures_of(const Json& json);

}  // namespace fovea::pipeline::train
