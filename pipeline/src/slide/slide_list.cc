#include "slide/slide_list.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <map>
#include <string_view>

#include <fovea/base/error.h>

#include "lower_case.h"
#include "folder_listing.h"
#include "slide/csv_table.h"

namespace fovea::pipeline::slide {
namespace {

namespace fs = std::filesystem;

/// Plain pictures are slides only when they are named one by one: folders hold too many that are none.
constexpr std::array<std::string_view, 13> kExtensions{".svs",  ".tif",     ".tiff", ".ndpi", ".vms", ".vmu", ".scn",
                                                       ".mrxs", ".svslide", ".bif",  ".czi",  ".avs", ".dcm"};
constexpr std::size_t kLongestId = 200;  // leaves room in a file name for what is added

bool has_slide_extension(const fs::path& file) {
  const std::string extension = lower_case(file.extension().string());
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}
bool is_dicom(const fs::path& file) {
  return lower_case(file.extension().string()) == ".dcm";
}

void scan(const fs::path& folder, std::vector<fs::path>& slides) {
  const std::vector<fs::path> inside = children(folder);
  std::error_code ignored;
  if (std::any_of(inside.begin(), inside.end(), is_dicom)) {
    slides.push_back(folder);  // the whole series is one slide
    return;
  }
  for (const fs::path& child : inside) {
    if (fs::is_directory(child, ignored))
      scan(child, slides);
    else if (has_slide_extension(child))
      slides.push_back(child);
  }
}

std::string id_of(const fs::path& path) {
  const fs::path named = path.has_filename() ? path : path.parent_path();  // "folder/"
  std::error_code ignored;
  return fs::is_directory(named, ignored) ? named.filename().string() : named.stem().string();
}

std::string cell(const CsvRow& row, const char* column) {
  const auto found = row.find(column);
  if (found == row.end()) return {};
  const std::string& text = found->second;
  const auto first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
  return first == std::string::npos ? std::string{} : text.substr(first, last - first + 1);
}

/// The file beside the list that bears the id, with or without its extension.
fs::path file_of_id(const fs::path& folder, const std::string& id) {
  std::error_code ignored;
  if (fs::exists(folder / id, ignored)) return folder / id;
  for (const std::string_view extension : kExtensions)
    if (fs::exists(folder / (id + std::string(extension)), ignored)) return folder / (id + std::string(extension));
  return folder / id;
}

void read_scale(const std::string& text, SlideEntry& entry) {
  if (text.empty()) return;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value > 0) || value > 1000)
    entry.problem = "its mpp '" + text + "' is not a number of micrometres per pixel. Correct the list.";
  else
    entry.mpp = value;
}

std::string problem_of_id(const std::string& id) {
  if (id.empty()) return "it has neither a slide_id nor a path. Fill in the row.";
  const bool control = std::any_of(id.begin(), id.end(), [](unsigned char c) { return c < 32 || c == 127; });
  if (control || id.find('/') != std::string::npos || id.front() == '.' || id.size() > kLongestId)
    return "its slide_id cannot be part of a file name (it is too long, begins with a dot, or holds a slash or control "
           "character). Give it another one.";
  return {};
}

}  // namespace

void check_ids(std::vector<SlideEntry>& entries) {
  std::map<std::string, const SlideEntry*> taken;
  for (SlideEntry& entry : entries) {
    if (entry.problem.empty()) entry.problem = problem_of_id(entry.id);
    const auto [found, fresh] = taken.emplace(entry.id, &entry);
    if (fresh || !entry.problem.empty()) continue;
    const SlideEntry& first = *found->second;
    entry.problem = first.path.lexically_normal() == entry.path.lexically_normal()
                        ? "it repeats row " + std::to_string(first.row) + ". Remove one of them."
                        : "row " + std::to_string(first.row) +
                              " has the same name, so their results would overwrite each other. Give each its own "
                              "slide_id in a --list.";
  }
}

std::vector<SlideEntry> slides_of_arguments(const std::vector<std::string>& arguments) {
  std::vector<SlideEntry> entries;
  std::error_code ignored;
  for (const std::string& argument : arguments) {
    std::vector<fs::path> slides{argument};
    if (fs::is_directory(argument, ignored)) {
      slides.clear();
      scan(argument, slides);
      if (slides.empty())
        throw Error(ErrorCode::kNotFound, argument, "the folder holds no slide",
                    "Name the slides, or see fovea formats for what is read.");
    }
    for (fs::path& slide : slides) {
      SlideEntry& entry = entries.emplace_back();
      entry.id = id_of(slide), entry.path = std::move(slide);
      entry.row = static_cast<std::int64_t>(entries.size());
    }
  }
  check_ids(entries);
  return entries;
}

std::vector<SlideEntry> slides_of_list(const fs::path& list) {
  const std::vector<CsvRow> rows = read_csv(list, {});
  if (!rows.empty() && !rows.front().contains("path") && !rows.front().contains("slide_id"))
    throw Error(ErrorCode::kCorrupt, list.filename().string(), "the list has neither a column 'path' nor 'slide_id'",
                "Name the columns in its first line.");
  if (rows.empty())
    throw Error(ErrorCode::kCorrupt, list.filename().string(), "the list names no slide",
                "Give it a header line and one row a slide.");
  const fs::path folder = list.parent_path();
  std::vector<SlideEntry> entries;
  for (const CsvRow& row : rows) {
    SlideEntry& entry = entries.emplace_back();
    entry.row = static_cast<std::int64_t>(entries.size()) + 1;
    entry.id = cell(row, "slide_id"), entry.case_id = cell(row, "case_id"), entry.label = cell(row, "label");
    const std::string path = cell(row, "path");
    if (entry.id.empty() && !path.empty()) entry.id = id_of(folder / path);
    entry.path = path.empty() ? file_of_id(folder, entry.id) : folder / path;
    read_scale(cell(row, "mpp"), entry);
  }
  check_ids(entries);
  return entries;
}

}  // namespace fovea::pipeline::slide
