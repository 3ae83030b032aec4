#include "slide/csv_table.h"

#include <algorithm>
#include <fstream>

#include <fovea/base/error.h>

namespace fovea::pipeline::slide {
namespace {

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells{""};
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"')
        cells.back() += line[i++];
      else
        quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      cells.emplace_back();
    } else if (line[i] != '\r') {
      cells.back() += line[i];
    }
  }
  return cells;
}

std::ifstream open_table(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw Error(ErrorCode::kNotFound, path.filename().string(), "the table cannot be read",
                "Check the path and its permissions.");
  return stream;
}

std::vector<std::string> header_of(std::ifstream& stream) {
  std::string line;
  std::getline(stream, line);
  if (line.rfind("\xEF\xBB\xBF", 0) == 0) line.erase(0, 3);  // spreadsheets write a byte order mark
  return cells_of(line);
}

}  // namespace

std::vector<CsvRow> read_csv(const std::filesystem::path& path, const std::vector<std::string>& required) {
  std::ifstream stream = open_table(path);
  const std::vector<std::string> header = header_of(stream);
  for (const std::string& name : required)
    if (std::find(header.begin(), header.end(), name) == header.end())
      throw Error(ErrorCode::kCorrupt, path.filename().string(), "the table has no column '" + name + "'",
                  "Name the columns in its first line.");
  std::vector<CsvRow> rows;
  std::string line;
  while (std::getline(stream, line)) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.size() == 1 && cells.front().empty()) continue;
    CsvRow& row = rows.emplace_back();
    for (std::size_t i = 0; i < header.size(); ++i) row[header[i]] = i < cells.size() ? cells[i] : "";
  }
  return rows;
}

std::vector<std::string> csv_columns(const std::filesystem::path& path) {
  std::ifstream stream = open_table(path);
  return header_of(stream);
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace fovea::pipeline::slide
