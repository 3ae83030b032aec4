#include "evaluation/prediction_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "slide/csv_table.h"
#include "slide/words.h"

namespace fovea::pipeline::evaluation {
namespace {

using slide::CsvRow;
using slide::exact_text;

constexpr std::string_view kProbability = "prob_", kSurvival = "survival_";

/// One row of the file, cell by cell; messages name the place, never the id.
class RowReader {
 public:
  RowReader(const CsvRow& cells, std::string file, std::size_t line)
      : cells_(cells), file_(std::move(file)), line_(line) {}

  std::string text(const std::string& column) const {
    const auto found = cells_.find(column);
    return found == cells_.end() ? std::string{} : found->second;
  }
  std::optional<double> number(const std::string& column) const {
    const std::string cell = text(column);
    if (cell.empty()) return {};
    double value = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (error != std::errc{} || end != cell.data() + cell.size()) fail(column, "'" + cell + "' is no number");
    return value;
  }
  double needed(const std::string& column) const {
    const auto value = number(column);
    if (!value || !std::isfinite(*value)) fail(column, "a finite number is missing");
    return *value;
  }
  std::int64_t whole(const std::string& column) const {
    const double value = number(column).value_or(0);
    if (value != std::floor(value) || std::abs(value) > 9e15) fail(column, "a whole number is expected");
    return static_cast<std::int64_t>(value);
  }
  [[noreturn]] void fail(const std::string& column, const std::string& problem) const {
    throw Error(ErrorCode::kCorrupt, file_, "line " + std::to_string(line_) + ", column '" + column + "': " + problem,
                "Correct the table or write it again.");
  }

 private:
  const CsvRow& cells_;
  std::string file_;
  std::size_t line_;
};

std::vector<std::string> names_after(const std::vector<std::string>& columns, std::string_view prefix) {
  std::vector<std::string> names;
  for (const std::string& column : columns)
    if (column.starts_with(prefix)) names.push_back(column.substr(prefix.size()));
  return names;
}

std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    if (end > begin) names.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

void read_probabilities(PredictionRow& row, const PredictionTable& table, const RowReader& cells) {
  for (const std::string& name : table.classes) {
    const std::string column = std::string(kProbability) + name;
    const double value = cells.needed(column);
    if (value < 0 || value > 1) cells.fail(column, "a probability lies between 0 and 1");
    row.probabilities.push_back(static_cast<float>(value));
  }
}

void read_survival(PredictionRow& row, const std::vector<std::string>& times, const RowReader& cells) {
  row.risk = cells.needed("risk");
  if (const auto time = cells.number("time")) row.time = *time;
  if (const auto event = cells.number("event")) row.event = *event != 0;
  for (const std::string& time : times)
    row.probabilities.push_back(static_cast<float>(cells.needed(std::string(kSurvival) + time)));
}

PredictionRow read_row(const PredictionTable& table, const std::vector<std::string>& times, const RowReader& cells) {
  PredictionRow row;
  row.case_id = cells.text("case_id"), row.slide_id = cells.text("slide_id");
  if (row.case_id.empty()) row.case_id = row.slide_id;
  row.seed = cells.whole("seed"), row.fold = cells.whole("fold");
  row.part = cells.text("part");
  if (row.part.empty()) row.part = "test";
  row.label = cells.text("label"), row.predicted = cells.text("predicted");
  row.instances = cells.whole("instances");
  row.attention_entropy = cells.number("attention_entropy"), row.top10_mass = cells.number("top10_mass");
  if (table.task == Task::kSurvival) {
    read_survival(row, times, cells);
  } else if (table.task == Task::kRegression) {
    row.value = cells.needed("value");
    if (const auto target = cells.number("target")) row.target = *target;
  } else {
    read_probabilities(row, table, cells);
  }
  return row;
}

/// Several names in a cell, or a slide for which no class was predicted: only independent classes have either.
bool looks_multi_label(const PredictionTable& table, bool tells_prediction) {
  const auto several = [](const std::string& names) { return names.find(';') != std::string::npos; };
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const PredictionRow& row) {
    return several(row.label) || several(row.predicted) || (tells_prediction && row.predicted.empty());
  });
}

}  // namespace

std::string task_name(Task task) {
  switch (task) {
    case Task::kClassification: return "classification";
    case Task::kMultiLabel: return "multi-label";
    case Task::kSurvival: return "survival";
    case Task::kRegression: return "regression";
  }
  return "classification";
}

PredictionTable read_predictions(const std::filesystem::path& path) {
  const std::string file = path.filename().string();
  const std::vector<std::string> columns = slide::csv_columns(path);
  const auto has = [&](const char* name) { return std::find(columns.begin(), columns.end(), name) != columns.end(); };
  PredictionTable table;
  table.classes = names_after(columns, kProbability);
  std::vector<std::string> times;
  if (has("risk")) {
    table.task = Task::kSurvival, table.classes.clear();
    times = names_after(columns, kSurvival);
    for (const std::string& time : times) {
      double value = 0;
      if (std::from_chars(time.data(), time.data() + time.size(), value).ec != std::errc{})
        throw Error(ErrorCode::kCorrupt, file, "column '" + std::string(kSurvival) + time + "' names no time",
                    "Name the columns survival_<time>.");
      table.times.push_back(value);
    }
  } else if (has("value")) {
    table.task = Task::kRegression, table.classes.clear();
  } else if (table.classes.empty()) {
    throw Error(ErrorCode::kCorrupt, file, "the table has neither prob_<class>, nor risk, nor value columns",
                "Pass a predictions.csv as `fovea mil predict` writes it.");
  }
  const std::vector<CsvRow> rows = slide::read_csv(path, {"slide_id"});
  for (std::size_t i = 0; i < rows.size(); ++i)
    table.rows.push_back(read_row(table, times, RowReader(rows[i], file, i + 2)));
  if (table.task == Task::kClassification && looks_multi_label(table, has("predicted"))) table.task = Task::kMultiLabel;
  return table;
}

PredictionTable joined_tables(std::vector<PredictionTable> tables, const std::vector<std::string>& names) {
  PredictionTable all = std::move(tables.at(0));
  for (std::size_t i = 1; i < tables.size(); ++i) {
    PredictionTable& next = tables[i];
    const bool mixed = next.task == Task::kMultiLabel || all.task == Task::kMultiLabel;
    if (mixed && next.task != Task::kSurvival && all.task != Task::kSurvival) all.task = next.task = Task::kMultiLabel;
    if (next.task != all.task || next.classes != all.classes || next.times != all.times)
      throw Error(ErrorCode::kUsage, names[i], "its task or its classes are not those of " + names[0],
                  "Evaluate files of one task together.");
    std::move(next.rows.begin(), next.rows.end(), std::back_inserter(all.rows));
  }
  return all;
}

std::string prediction_header(const PredictionTable& table) {
  std::string header = "case_id,slide_id,seed,fold,part,label,predicted,instances,attention_entropy,top10_mass";
  if (table.task == Task::kRegression) return header + ",value,target\n";
  if (table.task == Task::kSurvival) {
    header += ",risk,time,event";
    for (const double time : table.times) header += "," + std::string(kSurvival) + exact_text(time);
    return header + "\n";
  }
  for (const std::string& name : table.classes) header += "," + slide::csv_cell(std::string(kProbability) + name);
  return header + "\n";
}

std::string prediction_line(const PredictionTable& table, const PredictionRow& row) {
  const auto optional = [](const std::optional<double>& value) { return value ? exact_text(*value) : std::string{}; };
  std::string text = slide::csv_cell(row.case_id) + "," + slide::csv_cell(row.slide_id) + "," +
                     std::to_string(row.seed) + "," + std::to_string(row.fold) + "," + row.part + "," +
                     slide::csv_cell(row.label) + "," + slide::csv_cell(row.predicted) + "," +
                     std::to_string(row.instances) + "," + optional(row.attention_entropy) + "," +
                     optional(row.top10_mass);
  if (table.task == Task::kRegression) text += "," + exact_text(row.value) + "," + exact_text(row.target);
  if (table.task == Task::kSurvival)
    text += "," + exact_text(row.risk) + "," + exact_text(row.time) + "," + (row.event ? (*row.event ? "1" : "0") : "");
  for (const float probability : row.probabilities) text += "," + exact_text(probability);
  return text + "\n";
}

void write_predictions(const std::filesystem::path& path, const PredictionTable& table) {
  std::string text = prediction_header(table);
  for (const PredictionRow& row : table.rows) text += prediction_line(table, row);
  io::write_file(path, text);
}

std::optional<std::int64_t> label_index(const PredictionTable& table, const PredictionRow& row) {
  const auto found = std::find(table.classes.begin(), table.classes.end(), row.label);
  if (found == table.classes.end()) return {};
  return found - table.classes.begin();
}

std::vector<bool> label_flags(const PredictionTable& table, const PredictionRow& row) {
  std::vector<bool> flags(table.classes.size(), false);
  for (const std::string& name : split_names(row.label)) {
    const auto found = std::find(table.classes.begin(), table.classes.end(), name);
    if (found == table.classes.end())
      throw Error(ErrorCode::kCorrupt, "predictions.csv", "the label '" + name + "' is none of its classes",
                  "Correct the label column.");
    flags[static_cast<std::size_t>(found - table.classes.begin())] = true;
  }
  return flags;
}

std::vector<std::size_t> labelled_rows(const PredictionTable& table, const std::string& part) {
  // A slide may truly show none of the classes: no name is a label as long as other rows have some.
  const bool any_name =
      std::any_of(table.rows.begin(), table.rows.end(), [](const PredictionRow& row) { return !row.label.empty(); });
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const PredictionRow& row = table.rows[i];
    if (!part.empty() && row.part != part) continue;
    const bool labelled = table.task == Task::kClassification ? label_index(table, row).has_value()
                          : table.task == Task::kMultiLabel   ? any_name
                          : table.task == Task::kSurvival     ? std::isfinite(row.time) && row.event.has_value()
                                                              : std::isfinite(row.target);
    if (labelled) rows.push_back(i);
  }
  return rows;
}

}  // namespace fovea::pipeline::evaluation
