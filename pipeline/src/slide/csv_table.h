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

}  // namespace fovea::pipeline::slide
