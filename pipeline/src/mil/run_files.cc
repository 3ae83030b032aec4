#include "mil/run_files.h"

#include <span>

#include <ATen/ops/tensor.h>
#include <nlohmann/json.hpp>

#include <fovea/io/hash.h>
#include <fovea/pipeline/job.h>

#include "model_metadata.h"
#include "slide/csv_table.h"
#include "slide/words.h"
#include "train/recipe_text.h"

namespace fovea::pipeline::mil {
namespace {

using Json = nlohmann::json;
using slide::exact_text;
constexpr const char* kKey = "fovea.mil";

std::vector<double> values_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), tensor.const_data_ptr<float>() + tensor.numel()};
}

Json mil_entry(const std::map<std::string, std::string>& metadata) {
  const auto found = metadata.find(kKey);
  Json json = found == metadata.end() ? Json::object() : Json::parse(found->second, nullptr, false);
  return json.is_object() ? json : Json::object();
}

}  // namespace

std::filesystem::path FoldName::folder() const {
  return std::filesystem::path("seed_" + std::to_string(seed)) / ("fold_" + std::to_string(fold));
}
std::string FoldName::words() const {
  return "seed " + std::to_string(seed) + ", fold " + std::to_string(fold);
}

std::string history_header() {
  return "seed,fold,epoch,train_loss,val_loss,val_auc,val_macro_f1,learning_rate,attention_entropy,top10_mass,"
         "seconds\n";
}

std::string history_lines(const FoldName& name, const std::vector<train::EpochRow>& history) {
  std::string text;
  for (const train::EpochRow& row : history) {
    const auto value = [&](const char* column) {
      const auto found = row.figures.values.find(column);
      return "," + (found == row.figures.values.end() ? std::string{} : exact_text(found->second));
    };
    text += std::to_string(name.seed) + "," + std::to_string(name.fold) + "," + std::to_string(row.epoch + 1) + "," +
            exact_text(row.train_loss) + value("val_loss") + value("val_auc") + value("val_macro_f1") + "," +
            exact_text(row.learning_rate) + value("attention_entropy") + value("top10_mass") + "," +
            slide::fixed_text(row.seconds, 3) + "\n";
  }
  return text;
}

std::string left_out_csv(const std::vector<LeftOut>& left_out) {
  std::string text = "slide_id,reason\n";
  for (const LeftOut& each : left_out)
    text += slide::csv_cell(each.slide_id) + "," + slide::csv_cell(each.reason) + "\n";
  return text;
}

std::string recipe_text(const Recipe& recipe, const RunFacts& facts) {
  nlohmann::ordered_json json = recipe_json(recipe);
  json["run"] = {{"classes", facts.classes},   {"encoder", facts.encoder},
                 {"features", facts.features}, {"bags", facts.bags},
                 {"folds", facts.folds},       {"threads", facts.threads},
                 {"version", version()},       {"fingerprint", facts.fingerprint}};
  return json.dump(2) + "\n";
}

std::string fingerprint_of(const std::filesystem::path& folder) {
  return train::run_fingerprint(folder / kRecipe);
}

std::string fingerprint(const Recipe& recipe, const std::vector<Item>& items, const std::string& split) {
  Recipe plain = recipe;
  plain.name.clear(), plain.seeds = {0};
  std::string text = recipe_json(plain).dump() + "\n" + split;
  for (const Item& item : items)
    text += item.case_id + "\t" + item.slide_id + "\t" + item.label + "\t" + exact_text(item.target.time) +
            (item.target.event ? "+" : "-") + "\n";
  return io::sha256(std::as_bytes(std::span(text)));
}

std::map<std::string, std::string> model_metadata(const models::MilConfig& config, const TaskHead& head,
                                                  const Recipe& recipe, const Survey& survey,
                                                  const Standardisation& change, const FoldName& name,
                                                  std::int64_t epoch) {
  Json mil = head.json();
  mil["recipe"] = recipe.name, mil["seed"] = name.seed, mil["fold"] = name.fold, mil["epoch"] = epoch + 1;
  if (recipe.patients == Patients::kConcatenate) mil["patients"] = "concatenate";
  if (change.mean.defined())
    mil["standardise"] = {
        {"mean", values_of(change.mean)}, {"deviation", values_of(change.deviation)}, {"clip", change.clip}};
  std::map<std::string, std::string> metadata{{"fovea.task", "mil"},
                                              {"fovea.architecture", config.architecture},
                                              {"fovea.config", config_json(config)},
                                              {"fovea.labels", Json(head.output_names()).dump()},
                                              {kKey, mil.dump()}};
  metadata["fovea.card"] = "Trained by fovea mil train (recipe " + recipe.name + ", " + name.words() + ", epoch " +
                           std::to_string(epoch + 1) + "). Research only; not for clinical decisions.";
  if (!survey.encoder.empty()) metadata["fovea.encoder"] = survey.encoder;
  if (survey.mpp) metadata["fovea.mpp"] = slide::number_text(*survey.mpp);
  if (survey.tile_px) metadata["fovea.tile_px"] = std::to_string(*survey.tile_px);
  return metadata;
}

Standardisation standardisation_of(const std::map<std::string, std::string>& metadata) {
  const Json json = mil_entry(metadata);
  const auto found = json.find("standardise");
  if (found == json.end()) return {};
  Standardisation change;
  change.mean = at::tensor(found->value("mean", std::vector<double>{})).to(at::kFloat);
  change.deviation = at::tensor(found->value("deviation", std::vector<double>{})).to(at::kFloat);
  change.clip = found->value("clip", 0.0);
  return change;
}

TaskHead head_of(const std::map<std::string, std::string>& metadata, const std::vector<std::string>& labels) {
  return {mil_entry(metadata), labels};
}

}  // namespace fovea::pipeline::mil
