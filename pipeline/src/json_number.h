// A number in JSON, which knows neither NaN nor infinity: null then.
#pragma once

#include <cmath>

#include <nlohmann/json.hpp>

namespace fovea::pipeline {

inline nlohmann::ordered_json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

}  // namespace fovea::pipeline
