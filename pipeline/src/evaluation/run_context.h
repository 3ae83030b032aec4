// What lies beside predictions.csv and tells how it came about: curves of training, concentration of attention, recipe.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evaluation/chart.h"

namespace fovea::pipeline::evaluation {

/// Columns of history.csv over epochs, one curve a seed and fold.
using HistoryCurves = std::map<std::string, std::vector<std::vector<Point>>>;

struct RunContext {
  HistoryCurves history;             ///< by column name; empty without history.csv
  std::vector<Point> concentration;  ///< mean over slides of the attention mass of the k strongest instances
  std::size_t concentration_slides = 0;
  std::vector<std::pair<std::string, std::string>> provenance;  ///< names and values, in order
};

/// Of a run folder; what is missing is left empty. Error(kCorrupt) for tables that are not what they should be.
RunContext read_run_context(const std::filesystem::path& folder);

/// Adds the file's name and SHA-256.
void add_input(RunContext& context, const std::filesystem::path& path);

}  // namespace fovea::pipeline::evaluation
