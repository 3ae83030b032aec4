#include "train/checkpoint.h"

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/weights.h>

#include "tensor_bridge.h"
#include "train/figures_json.h"

namespace fovea::pipeline::train {
namespace {

constexpr const char* kKey = "fovea.checkpoint";
constexpr int kVersion = 1;

Json to_json(const EpochRow& row) {
  Json json = to_json(row.figures);
  json["epoch"] = row.epoch, json["train_loss"] = number(row.train_loss);
  json["learning_rate"] = row.learning_rate, json["seconds"] = row.seconds;
  return json;
}

EpochRow row_of(const Json& json) {
  return {json.at("epoch"), number(json.at("train_loss")), json.at("learning_rate"), json.at("seconds"),
          figures_of(json)};
}

void add(std::map<std::string, io::Array>& tensors, const std::string& prefix, const models::StateDict& state) {
  for (const auto& [name, array] : to_arrays(state)) tensors.emplace(prefix + name, array);
}

models::StateDict part(const io::WeightFile& file, const std::string& prefix) {
  models::StateDict state;
  for (const auto& [name, array] : file.tensors)
    if (name.rfind(prefix, 0) == 0) state.emplace(name.substr(prefix.size()), to_tensor(array).clone());
  return state;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  Json json{{"version", kVersion},
            {"fingerprint", checkpoint.fingerprint},
            {"epoch", checkpoint.epoch},
            {"step", checkpoint.step},
            {"loss_sum", number(checkpoint.loss_sum)},
            {"losses", checkpoint.losses},
            {"seconds", checkpoint.seconds},
            {"finished", checkpoint.finished},
            {"best_score", optional(checkpoint.best_score)},
            {"best_epoch", checkpoint.best_epoch},
            {"history", Json::array()}};
  for (const EpochRow& row : checkpoint.history) json["history"].push_back(to_json(row));
  std::map<std::string, io::Array> tensors;
  add(tensors, "weights.", checkpoint.weights);
  add(tensors, "progress.", checkpoint.progress);
  add(tensors, "best.", checkpoint.best);
  io::write_safetensors(path, tensors, {{kKey, json.dump()}});
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const io::WeightFile file = io::read_safetensors(path);
  const auto damaged = [&] {
    return Error(ErrorCode::kCorrupt, path.filename().string(), "this is no checkpoint of a training run",
                 "Remove it: that part of the run starts again.");
  };
  const auto found = file.metadata.find(kKey);
  if (found == file.metadata.end()) throw damaged();
  try {
    const Json json = Json::parse(found->second);
    if (json.at("version") != kVersion) throw damaged();
    Checkpoint checkpoint;
    checkpoint.fingerprint = json.at("fingerprint");
    checkpoint.epoch = json.at("epoch"), checkpoint.step = json.at("step");
    checkpoint.loss_sum = number(json.at("loss_sum")), checkpoint.losses = json.at("losses");
    checkpoint.seconds = json.at("seconds"), checkpoint.finished = json.at("finished");
    checkpoint.best_score = optional(json.at("best_score")), checkpoint.best_epoch = json.at("best_epoch");
    for (const Json& row : json.at("history")) checkpoint.history.push_back(row_of(row));
    checkpoint.weights = part(file, "weights."), checkpoint.progress = part(file, "progress.");
    checkpoint.best = part(file, "best.");
    return checkpoint;
  } catch (const Json::exception&) {
    throw damaged();
  }
}

}  // namespace fovea::pipeline::train
