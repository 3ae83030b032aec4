#include "slide/csv_table.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include <fovea/base/error.h>

namespace fovea::pipeline::slide {
namespace {

/// Cells and lines of a text, one character after the other.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {}

  /// Nothing at the end of the text.
  bool next(CsvTable::Row& row) {
    while (at_ < text_.size()) {
      row = {line_, {""}};
      read_line(row.cells);
      if (row.cells.size() > 1 || !row.cells.front().empty()) return true;
    }
    return false;
  }
  std::int64_t open_quote() const { return open_quote_; }

 private:
  void read_line(std::vector<std::string>& cells) {
    bool fresh = true;  // a quote opens only at the beginning of a cell
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\n') {
        ++line_;
        return;
      }
      if (c == '"' && fresh)
        read_quoted(cells.back());
      else if (c == ',')
        cells.emplace_back();
      else if (c != '\r')
        cells.back() += c;
      fresh = c == ',';
    }
  }
  void read_quoted(std::string& cell) {
    const std::int64_t began = line_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        if (at_ >= text_.size() || text_[at_] != '"') return;
        ++at_;
      }
      line_ += c == '\n';
      cell += c;
    }
    open_quote_ = began;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1, open_quote_ = 0;
};

std::ifstream open_table(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw Error(ErrorCode::kNotFound, path.filename().string(), "the table cannot be read",
                "Check the path and its permissions.");
  return stream;
}

}  // namespace

CsvTable parse_csv(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // spreadsheets write it
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) text.remove_prefix(kByteOrderMark.size());
  CsvReader reader(text);
  CsvTable table;
  CsvTable::Row row;
  if (reader.next(row)) table.columns = std::move(row.cells);
  while (reader.next(row)) table.rows.push_back(std::move(row));
  table.open_quote = reader.open_quote();
  return table;
}

CsvTable read_csv_table(const std::filesystem::path& path) {
  std::ifstream stream = open_table(path);
  return parse_csv(std::string(std::istreambuf_iterator<char>(stream), {}));
}

std::vector<CsvRow> read_csv(const std::filesystem::path& path, const std::vector<std::string>& required) {
  const CsvTable table = read_csv_table(path);
  for (const std::string& name : required)
    if (std::find(table.columns.begin(), table.columns.end(), name) == table.columns.end())
      throw Error(ErrorCode::kCorrupt, path.filename().string(), "the table has no column '" + name + "'",
                  "Name the columns in its first line.");
  std::vector<CsvRow> rows;
  for (const CsvTable::Row& read : table.rows) {
    CsvRow& row = rows.emplace_back();
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      row[table.columns[i]] = i < read.cells.size() ? read.cells[i] : "";
  }
  return rows;
}

std::vector<std::string> csv_columns(const std::filesystem::path& path) {
  std::ifstream stream = open_table(path);
  std::string line;
  std::getline(stream, line);
  return parse_csv(line).columns;
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace fovea::pipeline::slide
