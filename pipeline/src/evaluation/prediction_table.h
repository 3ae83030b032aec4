// predictions.csv: one row a slide, seed and fold. Written by training and prediction, read by evaluation and
// comparison. Columns: docs/evaluation.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace fovea::pipeline::evaluation {

enum class Task { kClassification, kMultiLabel, kSurvival, kRegression };
std::string task_name(Task task);  ///< "classification", "multi-label", "survival", "regression"

struct PredictionRow {
  std::string case_id, slide_id;  ///< text: leading zeros matter
  std::int64_t seed = 0, fold = 0;
  std::string part;       ///< train, val, test
  std::string label;      ///< class name; multi-label: names joined by ';'; empty: unknown
  std::string predicted;  ///< as label
  std::int64_t instances = 0;
  std::optional<double> attention_entropy;  ///< divided by ln N
  std::optional<double> top10_mass;
  std::vector<float> probabilities;                        ///< [C]; survival: probability of outliving times[i]
  double risk = std::numeric_limits<double>::quiet_NaN();  ///< larger: earlier
  double time = std::numeric_limits<double>::quiet_NaN();
  std::optional<bool> event;  ///< false: censored
  double value = std::numeric_limits<double>::quiet_NaN(), target = std::numeric_limits<double>::quiet_NaN();
};

struct PredictionTable {
  Task task = Task::kClassification;
  std::vector<std::string> classes;  ///< in the order of the columns
  std::vector<double> times;         ///< of survival_<t>; may be empty
  std::vector<PredictionRow> rows;
};

/// Error(kNotFound), or Error(kCorrupt) naming the row and column. A table with several names in a
/// label or prediction, or with a row that predicts none, is multi-label.
PredictionTable read_predictions(const std::filesystem::path& path);

/// Tables of one task with the same classes, one after the other. Error(kUsage) otherwise.
PredictionTable joined_tables(std::vector<PredictionTable> tables, const std::vector<std::string>& names);

/// The first line of a table with these classes or times, and a line of it; each ends in a line feed.
std::string prediction_header(const PredictionTable& table);
std::string prediction_line(const PredictionTable& table, const PredictionRow& row);

/// Atomic.
void write_predictions(const std::filesystem::path& path, const PredictionTable& table);

/// Index of the row's label among the classes; nothing when unknown or when it is none of them.
std::optional<std::int64_t> label_index(const PredictionTable& table, const PredictionRow& row);
/// Multi-label: one flag a class. Error(kCorrupt) for a name that is no class.
std::vector<bool> label_flags(const PredictionTable& table, const PredictionRow& row);
/// Rows of the part (empty: of all) that say what is true of the slide.
std::vector<std::size_t> labelled_rows(const PredictionTable& table, const std::string& part);

}  // namespace fovea::pipeline::evaluation
