// A small CSV file with a header line: cells by column name, quotes understood, ids kept as text (leading zeros
// matter).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fovea::pipeline::slide {

using CsvRow = std::map<std::string, std::string>;

/// Error(kNotFound), or Error(kCorrupt) when one of `required` is no column.
std::vector<CsvRow> read_csv(const std::filesystem::path& path, const std::vector<std::string>& required);

/// The names of the columns in the order of the file. Error(kNotFound).
std::vector<std::string> csv_columns(const std::filesystem::path& path);

/// `text` as one cell: quoted where it holds a comma, a quote or a line break.
std::string csv_cell(const std::string& text);

}  // namespace fovea::pipeline::slide
