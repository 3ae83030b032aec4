#include "evaluation/run_context.h"

#include <charconv>
#include <fstream>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/hash.h>

#include "slide/csv_table.h"

namespace fovea::pipeline::evaluation {
namespace {

/// NaN for an empty cell: it does not apply.
double cell_number(const slide::CsvRow& row, const std::string& column, const std::string& file) {
  const auto found = row.find(column);
  if (found == row.end() || found->second.empty()) return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw Error(ErrorCode::kCorrupt, file, "column '" + column + "' holds '" + text + "', which is no number",
                "Train or predict again, or remove the file.");
  return value;
}

void read_history(RunContext& context, const std::filesystem::path& path) {
  static const std::vector<std::string> kColumns{"train_loss",        "val_loss",   "val_auc",      "val_macro_f1",
                                                 "attention_entropy", "top10_mass", "learning_rate"};
  std::map<std::string, std::map<std::pair<std::string, std::string>, std::vector<Point>>> curves;
  for (const slide::CsvRow& row : slide::read_csv(path, {"seed", "fold", "epoch"}))
    for (const std::string& column : kColumns) {
      const double value = cell_number(row, column, path.filename().string());
      curves[column][{row.at("seed"), row.at("fold")}].push_back(
          {cell_number(row, "epoch", path.filename().string()), value});
    }
  for (auto& [column, runs] : curves)
    for (auto& [run, curve] : runs) context.history[column].push_back(std::move(curve));
}

void read_concentration(RunContext& context, const std::filesystem::path& path) {
  std::map<double, std::pair<double, std::size_t>> sums;
  std::set<std::string> slides;
  for (const slide::CsvRow& row : slide::read_csv(path, {"slide_id", "k", "mass"})) {
    auto& [sum, count] = sums[cell_number(row, "k", path.filename().string())];
    sum += cell_number(row, "mass", path.filename().string()), ++count;
    slides.insert(row.at("slide_id"));
  }
  for (const auto& [k, entry] : sums)
    context.concentration.push_back({k, entry.first / static_cast<double>(entry.second)});
  context.concentration_slides = slides.size();
}

void read_recipe(RunContext& context, const std::filesystem::path& path) {
  std::ifstream stream(path);
  const nlohmann::ordered_json recipe = nlohmann::ordered_json::parse(stream, nullptr, false);
  if (!recipe.is_object())
    throw Error(ErrorCode::kCorrupt, path.filename().string(), "this is not the JSON of a recipe",
                "Restore it, or move it out of the run folder.");
  for (const auto& [key, value] : recipe.items()) {
    if (value.is_object())
      for (const auto& [inner, part] : value.items())
        context.provenance.emplace_back(key + "." + inner, part.is_string() ? part.get<std::string>() : part.dump());
    else
      context.provenance.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  }
}

}  // namespace

RunContext read_run_context(const std::filesystem::path& folder) {
  RunContext context;
  const auto when_there = [&](const char* name, void (*read)(RunContext&, const std::filesystem::path&)) {
    if (!std::filesystem::exists(folder / name)) return;
    read(context, folder / name);
    add_input(context, folder / name);
  };
  when_there("history.csv", read_history);
  when_there("concentration.csv", read_concentration);
  when_there("recipe.json", read_recipe);
  return context;
}

void add_input(RunContext& context, const std::filesystem::path& path) {
  context.provenance.emplace_back("SHA-256 of " + path.filename().string(), io::sha256_of_file(path));
}

}  // namespace fovea::pipeline::evaluation
