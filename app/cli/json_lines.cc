#include "json_lines.h"

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

namespace fovea::cli {
namespace {

using Json = nlohmann::json;

/// Paths and messages may hold bytes that are not UTF-8: replaced, never fatal.
std::string line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string json_progress(const pipeline::Progress& progress) {
  Json json{{"type", "progress"}, {"stage", progress.stage}, {"fraction", progress.fraction}};
  if (progress.eta_seconds >= 0) json["eta_seconds"] = progress.eta_seconds;
  if (!progress.note.empty()) json["note"] = progress.note;
  if (Json data = Json::parse(progress.data, nullptr, false); data.is_object()) json.update(data);
  return line(json);
}

std::string json_result(const pipeline::JobResult& result) {
  Json outputs = Json::array();
  for (const auto& path : result.outputs) outputs.push_back(path.string());
  Json json{{"type", "result"}, {"exit_code", result.exit_code}, {"outputs", outputs}, {"notices", result.notices}};
  Json inner = Json::parse(result.json, nullptr, false);
  json["result"] = inner.is_discarded() ? Json(result.text) : inner;
  return line(json);
}

std::string json_error(const std::exception& error, int exit_code) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  return line({{"type", "error"},
               {"code", ours ? error_code_name(ours->code()) : "internal"},
               {"message", error.what()},
               {"exit_code", exit_code}});
}

}  // namespace fovea::cli
