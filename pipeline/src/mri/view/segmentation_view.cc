// What a viewer shows of a segmentation: the label map, its parts, and what report.json says of them.
#include <fovea/pipeline/volume_view.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "mri/components.h"
#include "mri/view/view_grid.h"
#include "mri/view/view_json.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kLabelTolerance = 1e-3;
constexpr double kSameCentroidMm = 0.01;  // report.json is rounded to micrometres

std::vector<std::uint8_t> labels_of(const io::Volume& volume, const ViewGrid& grid, const std::string& subject) {
  for (const float value : volume.values)
    if (value < 0 || value > 255 || std::abs(value - std::round(value)) > kLabelTolerance)
      throw Error(ErrorCode::kCorrupt, subject, "its values are no labels (whole numbers from 0 to 255)",
                  "Choose a segmentation; a volume of other numbers can be shown as an overlay.");
  std::vector<std::uint8_t> labels(volume.values.size());
  mri::for_each_voxel(grid, volume.geometry, [&](std::size_t to, std::size_t from) {
    labels[to] = static_cast<std::uint8_t>(std::lround(volume.values[from]));
  });
  return labels;
}

ViewLesion measured(mri::Component&& part, const io::Geometry& geometry) {
  const mri::Lesion lesion = mri::measure(part, geometry, {});
  ViewLesion view;
  view.label = lesion.label, view.volume_ml = lesion.volume_ml;
  view.longest_diameter_mm = lesion.longest_diameter_mm;
  view.longest_axial_diameter_mm = lesion.longest_axial_diameter_mm, view.axial_width_mm = lesion.axial_width_mm;
  view.centroid_lps_mm = lesion.centroid_lps_mm;
  view.begin = lesion.box.begin, view.end = lesion.box.end;
  view.voxels = std::move(part.voxels);
  return view;
}

std::vector<ViewLesion> measured_lesions(const ViewSegmentation& view) {
  std::vector<mri::Component> parts =
      mri::find_components(view.labels, view.grid.geometry.size, mri::Connectivity::k26);
  std::vector<ViewLesion> lesions;
  for (mri::Component& part : parts) lesions.push_back(measured(std::move(part), view.grid.geometry));
  std::stable_sort(lesions.begin(), lesions.end(),
                   [](const ViewLesion& a, const ViewLesion& b) { return a.volume_ml > b.volume_ml; });
  return lesions;
}

double distance(const ViewPoint& a, const ViewPoint& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

ViewLesion reported(const json& row) {
  ViewLesion lesion;
  lesion.label = row.at("label").get<int>(), lesion.name = row.at("name").get<std::string>();
  lesion.volume_ml = row.at("volume_ml").get<double>();
  lesion.centroid_lps_mm = row.at("centroid_lps_mm").get<ViewPoint>();
  lesion.longest_diameter_mm = row.at("longest_diameter_mm").get<double>();
  lesion.longest_axial_diameter_mm = row.value("longest_axial_diameter_mm", 0.0);
  lesion.axial_width_mm = row.value("axial_width_mm", 0.0);
  lesion.laterality = row.value("laterality", "");
  if (lesion.laterality == "unknown") lesion.laterality.clear();
  lesion.mean_probability = mri::optional_number(row, "mean_probability");
  lesion.max_probability = mri::optional_number(row, "max_probability");
  lesion.below_size_limit = row.value("below_size_limit", false);
  return lesion;
}

/// The report's rows, each with the voxels of the part that has its label and centroid.
void take_report(const json& report, ViewSegmentation& view) {
  std::vector<ViewLesion> rows;
  for (const json& row : report.at("lesions")) rows.push_back(reported(row));
  std::size_t without = 0;
  for (ViewLesion& row : rows) {
    const auto part = std::find_if(view.lesions.begin(), view.lesions.end(), [&](const ViewLesion& l) {
      return l.label == row.label && distance(l.centroid_lps_mm, row.centroid_lps_mm) < kSameCentroidMm &&
             !l.voxels.empty();
    });
    if (part == view.lesions.end()) {
      ++without;
      continue;
    }
    row.voxels = std::move(part->voxels), row.begin = part->begin, row.end = part->end;
  }
  const auto left =
      std::count_if(view.lesions.begin(), view.lesions.end(), [](const ViewLesion& l) { return !l.voxels.empty(); });
  if (without > 0 || left > 0)
    view.notices.push_back("report.json and the label map differ (" + std::to_string(without) +
                           " rows without voxels, " + std::to_string(left) +
                           " parts without a row): one of them was changed afterwards");
  view.lesions = std::move(rows);
  view.from_report = true;
  if (report.contains("model")) {
    view.names = report["model"].value("labels", std::vector<std::string>{});
    view.model = report["model"].value("architecture", "");
  }
  for (const std::string& notice : report.value("notices", std::vector<std::string>{})) view.notices.push_back(notice);
}

bool is_volume_file(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".nii.gz") || name.ends_with(".nii") ||
         (name.ends_with(".nrrd") && !name.ends_with(".seg.nrrd"));
}

void find_overlays(const fs::path& folder, const fs::path& labels, ViewSegmentation& view) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (!entry.is_regular_file(ignored) || !is_volume_file(entry.path()) || entry.path() == labels) continue;
    const std::string name = entry.path().filename().string();
    view.overlays.emplace_back(name.substr(0, name.find('.')), entry.path());
  }
  // Probability first: it is what a reader asks for.
  std::sort(view.overlays.begin(), view.overlays.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first != "probability", a.first) < std::pair(b.first != "probability", b.first);
  });
}

void name_labels(ViewSegmentation& view) {
  const int highest = view.labels.empty() ? 0 : *std::max_element(view.labels.begin(), view.labels.end());
  if (view.names.empty()) view.names.push_back("background");
  while (static_cast<int>(view.names.size()) <= highest)
    view.names.push_back("label " + std::to_string(view.names.size()));
  for (ViewLesion& lesion : view.lesions)
    if (lesion.name.empty()) lesion.name = view.names[static_cast<std::size_t>(lesion.label)];
}

}  // namespace

ViewIndex ViewLesion::anchor(const ViewGrid& grid) const {
  const IndexMap index = index_from_lps(grid.geometry);
  const ViewPoint centre = index(centroid_lps_mm);
  const ViewIndex& size = grid.geometry.size;
  if (voxels.empty()) {
    ViewIndex at{};
    for (std::size_t a = 0; a < 3; ++a)
      at[a] = std::clamp<std::int64_t>(std::llround(centre[a]), 0, std::max<std::int64_t>(size[a] - 1, 0));
    return at;
  }
  ViewIndex best{};
  double least = std::numeric_limits<double>::infinity();
  for (const std::int64_t voxel : voxels) {
    const ViewIndex at{voxel % size[0], voxel / size[0] % size[1], voxel / (size[0] * size[1])};
    double sum = 0;
    for (std::size_t a = 0; a < 3; ++a) {
      const double way = (static_cast<double>(at[a]) - centre[a]) * grid.geometry.spacing_mm[a];
      sum += way * way;
    }
    if (sum < least) least = sum, best = at;
  }
  return best;
}

bool ViewLesion::holds(const ViewGrid& grid, const ViewIndex& at) const {
  for (std::size_t a = 0; a < 3; ++a)
    if (at[a] < begin[a] || at[a] >= end[a]) return false;
  return std::binary_search(voxels.begin(), voxels.end(), static_cast<std::int64_t>(grid.linear(at)));
}

int ViewSegmentation::lesion_at(const ViewIndex& at) const {
  if (!grid.contains(at) || labels.empty() || labels[grid.linear(at)] == 0) return -1;
  for (std::size_t i = 0; i < lesions.size(); ++i)
    if (lesions[i].holds(grid, at)) return static_cast<int>(i);
  return -1;
}

ViewSegmentation load_view_segmentation(const fs::path& path, const ViewReadOptions& options,
                                        const std::stop_token& stop) {
  const bool folder = fs::is_directory(path);
  const fs::path map = folder ? path / "segmentation.nii.gz" : path;
  if (folder && !fs::exists(map))
    throw Error(ErrorCode::kNotFound, path.string(), "there is no segmentation.nii.gz in it",
                "Choose the output folder of fovea mri segment.");
  ViewSegmentation view;
  {
    const io::Volume volume = io::read_volume(map, options.reading);
    if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "", "the segmentation was not opened");
    view.grid = mri::view_grid(volume.geometry);
    view.labels = labels_of(volume, view.grid, map.string());
  }
  view.lesions = measured_lesions(view);
  if (!view.lesions.empty()) view.begin = view.grid.geometry.size;
  for (const ViewLesion& lesion : view.lesions)
    for (std::size_t a = 0; a < 3; ++a)
      view.begin[a] = std::min(view.begin[a], lesion.begin[a]), view.end[a] = std::max(view.end[a], lesion.end[a]);
  if (const fs::path report = path / "report.json"; folder && fs::exists(report)) {
    const json parsed = mri::read_json(report);
    try {
      take_report(parsed, view);
    } catch (const json::exception&) {
      throw mri::damaged_json(report);
    }
  }
  if (folder) find_overlays(path, map, view);
  name_labels(view);
  return view;
}

}  // namespace fovea::pipeline
