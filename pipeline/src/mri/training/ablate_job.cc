// `mri ablate`: what each part of a network is worth, as the paper's table asks it: the same recipe, data, seeds, and
// one switch after the other.
#include <algorithm>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "jobs/jobs.h"
#include "mri/training/train_options.h"
#include "problems.h"
#include "run_scope.h"
#include "slide/words.h"

namespace fovea::pipeline {
namespace {

namespace training = mri::training;
using slide::fixed_text;

struct Variant {
  const char *name, *words;
  const char *architecture, *attention, *multi_scale, *deep_supervision;
  bool guided = true;
};
constexpr Variant kVariants[] = {
    {"unet", "U-Net", "agunet", "false", "false", "false"},
    {"unet+ag", "U-Net + attention gates", "agunet", "true", "false", "false"},
    {"unet+ms", "U-Net + multi-scale input", "agunet", "false", "true", "false"},
    {"unet+ds", "U-Net + deep supervision", "agunet", "false", "false", "true"},
    {"unet+ms+ds", "U-Net + both", "agunet", "false", "true", "true"},
    {"agunet", "AGUNet: gates + both", "agunet", "true", "true", "true"},
    {"daunet-plain", "DAUNet, neither guided, multi-scale nor supervised", "daunet", "true", "false", "false", false},
    {"daunet", "DAUNet: guided + both", "daunet", "true", "true", "true"},
};

const Variant& variant(const std::string& name) {
  std::vector<std::string> names;
  for (const Variant& v : kVariants) {
    if (name == v.name) return v;
    names.emplace_back(v.name);
  }
  throw Error(ErrorCode::kUsage, "--variants", "'" + name + "' is none", "Choose among " + joined(names, ", ") + ".");
}

std::vector<std::string> changes_of(const Variant& v) {
  return {std::string("network.architecture=") + v.architecture, std::string("network.attention=") + v.attention,
          std::string("network.multi_scale=") + v.multi_scale,
          std::string("network.deep_supervision=") + v.deep_supervision,
          std::string("network.guided=") + (v.guided ? "true" : "false")};
}

std::string table_of(const std::vector<std::pair<const Variant*, training::TrainingResult>>& rows) {
  std::string text = "| network | parameters | training, min |";
  for (const training::DiceSummary& d : rows.front().second.dice)
    text += " Dice " + d.class_name + " | median | found |";
  text += "\n|---|---|---|";
  for (std::size_t i = 0; i < rows.front().second.dice.size(); ++i) text += "---|---|---|";
  for (const auto& [v, result] : rows) {
    text += std::string("\n| ") + v->words + " | " + std::to_string(result.parameters) + " | " +
            fixed_text(result.seconds / 60, 1) + " |";
    for (const training::DiceSummary& d : result.dice)
      text += " " + fixed_text(d.mean, 3) + " ± " + fixed_text(d.between_seeds, 3) + " | " + fixed_text(d.median, 3) +
              " | " + fixed_text(100 * d.detected, 1) + " % |";
  }
  return text + "\n";
}

JobResult run(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  const training::TrainingOptions options = training::training_options(values, "mri ablate");
  if (training::recurrent(options.recipe))
    throw Error(ErrorCode::kUsage, "mri ablate", "the grid is one of AGUNet and DAUNet", "Take another recipe.");
  std::vector<const Variant*> variants;
  for (const std::string& name : values.list("variants")) variants.push_back(&variant(name));
  const ThreadCount threads(values.integer("threads"));
  ProgressMeter meter(sink, std::move(stop));
  const OutputFolder folder(options.out);
  JobResult result;
  std::vector<std::pair<const Variant*, training::TrainingResult>> rows;
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < variants.size(); ++i) {
    training::TrainingOptions one = options;
    one.recipe = training::changed(options.recipe, changes_of(*variants[i]));
    one.out = options.out / variants[i]->name;
    const auto count = static_cast<double>(variants.size());
    rows.emplace_back(variants[i],
                      training::train(one, meter, static_cast<double>(i) / count, static_cast<double>(i + 1) / count));
    const training::TrainingResult& trained = rows.back().second;
    for (const std::string& notice : trained.notices)
      if (std::find(result.notices.begin(), result.notices.end(), notice) == result.notices.end())
        result.notices.push_back(notice);
    if (trained.failed > 0 || trained.left_out > 0) result.exit_code = 2;
    nlohmann::ordered_json row{
        {"variant", variants[i]->name}, {"parameters", trained.parameters}, {"training_seconds", trained.seconds}};
    for (const training::DiceSummary& d : trained.dice) row["classes"][d.class_name] = training::summary_json(d);
    json.push_back(std::move(row));
    // After each network: a night that ends early leaves what it has.
    io::write_file(options.out / "ablation.md", table_of(rows));
    io::write_file(options.out / "ablation.json", json.dump(2) + "\n");
  }
  result.outputs = {options.out / "ablation.md", options.out / "ablation.json"};
  result.text = table_of(rows);
  result.json = json.dump(2);
  return result;
}

}  // namespace

JobKind mri_ablate_job() {
  JobKind kind;
  kind.name = "mri ablate";
  kind.summary = "Train the grid of U-Net, gates, multi-scale input, deep supervision and DAUNet, and print the table";
  kind.details =
      "Every network is a run of mri train in a folder of its own below --out, with the same recipe, data and seeds; "
      "ablation.md and ablation.json are written after each. The same command goes on where it stopped.\n"
      "Exit codes: 0 done, 1 wrong usage, 2 done but cases or folds were left out, 3 could not run, 130 stopped.\n"
      "Example: fovea mri ablate --recipe agunet --cases cases.csv --set epochs=8,seeds=[0,1,2] --out ablation";
  kind.parameters = training::training_parameters();
  std::vector<std::string> all;
  for (const Variant& v : kVariants) all.emplace_back(v.name);
  kind.parameters.push_back({.name = "variants",
                             .type = ParameterType::kTextList,
                             .help = "Which networks: " + joined(all, ", "),
                             .fallback = all});
  kind.run = run;
  return kind;
}

}  // namespace fovea::pipeline
