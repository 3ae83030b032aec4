#include "mri/case_list.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include <fovea/base/error.h>
#include <fovea/io/dicom_seg.h>

#include "folder_listing.h"
#include "jobs/value_text.h"
#include "lower_case.h"
#include "problems.h"
#include "slide/csv_table.h"

namespace fovea::pipeline::mri {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 6> kExtensions{".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd"};
constexpr std::size_t kLongestId = 200;
/// Of the whole batch, or of the machine: not of a case.
constexpr std::array<std::string_view, 6> kCommon{"cases", "out", "model", "threads", "device", "case_id"};

std::string extension_of(const fs::path& path) {
  const std::string name = lower_case(path.filename().string());
  for (const std::string_view extension : kExtensions)
    if (name.size() > extension.size() && name.ends_with(extension)) return std::string(extension);
  return {};
}

std::string id_of(const fs::path& path) {
  const std::string name = (path.has_filename() ? path : path.parent_path()).filename().string();
  return name.substr(0, name.size() - extension_of(path).size());
}

/// input0.nii.gz, input1.nii.gz, ... in the order of their numbers.
std::vector<std::string> numbered_inputs(const fs::path& folder) {
  std::vector<std::string> inputs;
  const std::vector<fs::path> inside = children(folder);
  for (;;) {
    const std::string wanted = "input" + std::to_string(inputs.size());
    const auto found = std::find_if(inside.begin(), inside.end(), [&](const fs::path& file) {
      return !extension_of(file).empty() && id_of(file) == wanted;
    });
    if (found == inside.end()) return inputs;
    inputs.push_back(found->string());
  }
}

CaseList cases_of_folder(const fs::path& folder) {
  CaseList list;
  std::error_code ignored;
  for (const fs::path& child : children(folder)) {
    std::vector<std::string> volumes;
    if (!fs::is_directory(child, ignored)) {
      if (!extension_of(child).empty()) volumes = {child.string()};
    } else if (volumes = numbered_inputs(child); volumes.empty() && io::is_dicom_source(child)) {
      volumes = {child.string()};
    }
    if (volumes.empty()) continue;
    ListedCase& found = list.cases.emplace_back();
    found.id = id_of(child), found.values["volumes"] = volumes;
    found.row = static_cast<std::int64_t>(list.cases.size());
  }
  return list;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string::npos ? std::string{} : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// A file beside the list, by its name or behind NAME=.
std::string resolved(const std::string& text, const fs::path& folder) {
  const auto equals = text.find('=');
  const std::string name = equals == std::string::npos ? std::string{} : text.substr(0, equals + 1);
  const fs::path path = text.substr(name.size());
  std::error_code ignored;
  const bool beside = path.is_relative() && !path.empty() && fs::exists(folder / path, ignored);
  return beside ? name + (folder / path).lexically_normal().string() : text;
}

/// The cell as a value of the parameter; nothing where it is none.
std::optional<Value> value_of(const Parameter& parameter, const std::string& cell, const fs::path& folder) {
  Value value = value_of_text(parameter, cell);
  if (auto* items = std::get_if<std::vector<std::string>>(&value)) {
    for (std::string& item : *items) item = resolved(trimmed(item), folder);
    std::erase(*items, std::string{});
    return value;
  }
  const auto* text = std::get_if<std::string>(&value);
  if (!text) return value;
  const ParameterType type = parameter.type;
  if (type == ParameterType::kFlag || type == ParameterType::kInteger || type == ParameterType::kNumber) return {};
  return resolved(*text, folder);
}

class Table {
 public:
  Table(const fs::path& path, const std::vector<Parameter>& parameters)
      : folder_(path.parent_path()), rows_(slide::read_csv(path, {})) {
    std::vector<std::string> unknown;
    for (const std::string& column : slide::csv_columns(path)) {
      const std::string name = column == "path" ? "volumes" : column;
      const auto found =
          std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.name == name; });
      const bool common = std::find(kCommon.begin(), kCommon.end(), name) != kCommon.end();
      if (found != parameters.end() && !common)
        columns_.emplace_back(column, &*found);
      else if (column != "case_id")
        unknown.push_back(column);
    }
    if (columns_.empty())
      throw Error(ErrorCode::kCorrupt, path.filename().string(), "no column of the list names an input",
                  "Give a column volumes (or path) with the files, and case_id if the files' names do not tell.");
    if (!unknown.empty())
      list_.notices.push_back("columns of the list that are no option of a case were not read: " +
                              joined(unknown, ", "));
  }

  CaseList read() {
    std::int64_t line = 1;
    for (const slide::CsvRow& row : rows_) add(row, ++line);
    return std::move(list_);
  }

 private:
  void add(const slide::CsvRow& row, std::int64_t line) {
    ListedCase& one = list_.cases.emplace_back();
    one.row = line;
    if (const auto id = row.find("case_id"); id != row.end()) one.id = trimmed(id->second);
    for (const auto& [column, parameter] : columns_) {
      const auto found = row.find(column);
      const std::string cell = found == row.end() ? std::string{} : trimmed(found->second);
      if (cell.empty()) continue;
      if (auto value = value_of(*parameter, cell, folder_))
        one.values[parameter->name] = std::move(*value);
      else
        one.problem = "its " + column + " '" + cell + "' is no value of this option. Correct the list.";
    }
    const auto volumes = one.values.find("volumes");
    if (one.id.empty() && volumes != one.values.end())
      if (const auto& files = std::get<std::vector<std::string>>(volumes->second); !files.empty())
        one.id = id_of(files.front());
  }

  fs::path folder_;
  std::vector<slide::CsvRow> rows_;
  std::vector<std::pair<std::string, const Parameter*>> columns_;
  CaseList list_;
};

void check_ids(std::vector<ListedCase>& cases) {
  std::map<std::string, std::int64_t> taken;
  for (ListedCase& one : cases) {
    const bool control = std::any_of(one.id.begin(), one.id.end(), [](unsigned char c) { return c < 32 || c == 127; });
    if (one.id.empty())
      one.problem = "it has neither a case_id nor a volume. Fill in the row.";
    else if (control || one.id.find('/') != std::string::npos || one.id.front() == '.' || one.id.size() > kLongestId)
      one.problem =
          "its case_id cannot name a folder (it is too long, begins with a dot, or holds a slash or control "
          "character). Give it another one.";
    const auto [found, fresh] = taken.emplace(one.id, one.row);
    if (!fresh && one.problem.empty())
      one.problem = "row " + std::to_string(found->second) +
                    " has the same name, so their results would overwrite each other. Give each its own case_id.";
  }
}

}  // namespace

CaseList list_cases(const fs::path& source, const std::vector<Parameter>& parameters) {
  std::error_code ignored;
  CaseList list = fs::is_directory(source, ignored) ? cases_of_folder(source) : Table(source, parameters).read();
  if (list.cases.empty())
    throw Error(ErrorCode::kNotFound, source.filename().string(), "it holds no case",
                "Give a folder of volumes, or a CSV with the columns case_id and volumes.");
  check_ids(list.cases);
  return list;
}

}  // namespace fovea::pipeline::mri
