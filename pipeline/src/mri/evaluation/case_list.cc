#include "mri/evaluation/case_list.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fovea/base/error.h>

#include "slide/csv_table.h"

namespace fovea::pipeline::mri {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kSuffixes[] = {".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd"};

/// The name without a volume's suffix; nothing for other files.
std::optional<std::string> volume_name(const fs::path& path) {
  const std::string name = path.filename().string();
  for (const std::string_view suffix : kSuffixes)
    if (name.size() > suffix.size() && name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  return {};
}

fs::path volume_named(const fs::path& folder, const std::string& name) {
  for (const std::string_view suffix : kSuffixes)
    if (fs::path path = folder / (name + std::string(suffix)); fs::is_regular_file(path)) return path;
  return {};
}

fs::path resolved(const std::string& cell, const fs::path& base) {
  if (cell.empty()) return {};
  return fs::path(cell).is_absolute() ? fs::path(cell) : base / cell;
}

std::string cell_of(const slide::CsvRow& row, const char* column) {
  const auto found = row.find(column);
  return found == row.end() ? std::string{} : found->second;
}

}  // namespace

std::vector<CaseFiles> read_case_table(const fs::path& csv) {
  const std::string name = csv.filename().string();
  std::vector<CaseFiles> cases;
  std::set<std::string> names;
  std::size_t line = 1;
  for (const slide::CsvRow& row : slide::read_csv(csv, {"case", "reference", "prediction"})) {
    ++line;
    const auto refuse = [&](const std::string& problem) {
      throw Error(ErrorCode::kCorrupt, name, "row " + std::to_string(line) + " " + problem,
                  "Give every row a case of its own, a reference, and a prediction or a probability.");
    };
    CaseFiles& files = cases.emplace_back();
    files.name = cell_of(row, "case");
    if (files.name.empty()) refuse("has no case");
    if (!names.insert(files.name).second) refuse("repeats case " + files.name);
    files.patient = cell_of(row, "patient").empty() ? files.name : cell_of(row, "patient");
    files.fold = cell_of(row, "fold"), files.pattern = cell_of(row, "pattern"), files.centre = cell_of(row, "centre");
    files.reference = resolved(cell_of(row, "reference"), csv.parent_path());
    files.prediction = resolved(cell_of(row, "prediction"), csv.parent_path());
    files.probability = resolved(cell_of(row, "probability"), csv.parent_path());
    files.image = resolved(cell_of(row, "image"), csv.parent_path());
    if (files.reference.empty()) refuse("has no reference");
    if (files.prediction.empty() && files.probability.empty()) refuse("has neither prediction nor probability");
  }
  if (cases.empty())
    throw Error(ErrorCode::kCorrupt, name, "the table has no rows", "Give a row a case below the column names.");
  return cases;
}

std::vector<CaseFiles> match_case_folders(const fs::path& predictions, const fs::path& references) {
  for (const fs::path& folder : {predictions, references})
    if (!fs::is_directory(folder))
      throw Error(ErrorCode::kNotFound, folder.filename().string(), "this folder does not exist", "Check the path.");
  std::vector<CaseFiles> cases;
  for (const auto& entry : fs::directory_iterator(references)) {
    const auto name = volume_name(entry.path());
    if (!name || !entry.is_regular_file()) continue;
    CaseFiles& files = cases.emplace_back();
    files.name = files.patient = *name, files.reference = entry.path();
    files.prediction = volume_named(predictions, *name);
    if (!files.prediction.empty()) continue;
    files.prediction = volume_named(predictions / *name, "segmentation");
    files.probability = volume_named(predictions / *name, "probability");
  }
  if (cases.empty())
    throw Error(ErrorCode::kNotFound, references.filename().string(), "no volume lies in this folder of references",
                "Give a folder with .nii.gz, .nii, .nrrd, .seg.nrrd or .mha files.");
  std::sort(cases.begin(), cases.end(), [](const CaseFiles& a, const CaseFiles& b) { return a.name < b.name; });
  return cases;
}

}  // namespace fovea::pipeline::mri
