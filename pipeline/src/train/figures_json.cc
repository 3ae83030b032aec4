#include "train/figures_json.h"

#include <cmath>
#include <limits>

namespace fovea::pipeline::train {

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}
double number(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}
Json optional(const std::optional<double>& value) {
  return value ? number(*value) : Json("none");
}
std::optional<double> optional(const Json& json) {
  return json.is_string() ? std::nullopt : std::optional(number(json));
}

Json to_json(const Figures& figures) {
  Json json{{"score", optional(figures.score)}, {"values", Json::object()}};
  for (const auto& [name, value] : figures.values) json["values"][name] = number(value);
  return json;
}
Figures figures_of(const Json& json) {
  Figures figures;
  figures.score = optional(json.at("score"));
  for (const auto& [name, value] : json.at("values").items()) figures.values[name] = number(value);
  return figures;
}

}  // namespace fovea::pipeline::train
