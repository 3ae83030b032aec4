// A small CSV file with a header line: cells by column name, quotes understood, ids kept as text (leading zeros
// matter).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::pipeline::slide {

using CsvRow = std::map<std::string, std::string>;

/// The table as it stands. Empty lines are no rows; a quoted cell may hold commas, quotes (doubled) and line breaks.
struct CsvTable {
  struct Row {
    std::int64_t line = 0;  ///< of the file, from 1, where the row begins
    std::vector<std::string> cells;
  };
  std::vector<std::string> columns;
  std::vector<Row> rows;
  std::int64_t open_quote = 0;  ///< line of a quote that nothing closes, 0: none
};
CsvTable parse_csv(std::string_view text);
/// Error(kNotFound).
CsvTable read_csv_table(const std::filesystem::path& path);

/// Error(kNotFound), or Error(kCorrupt) when one of `required` is no column.
std::vector<CsvRow> read_csv(const std::filesystem::path& path, const std::vector<std::string>& required);

/// The names of the columns in the order of the file. Error(kNotFound).
std::vector<std::string> csv_columns(const std::filesystem::path& path);

/// `text` as one cell: quoted where it holds a comma, a quote or a line break.
std::string csv_cell(const std::string& text);

}  // namespace fovea::pipeline::slide
