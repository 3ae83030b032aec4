#include <fovea/pipeline/volume_view.h>

#include "mri/view/view_json.h"

namespace fovea::pipeline {
namespace {

using nlohmann::json;

ViewGrowth::Change change_of(const json& row) {
  ViewGrowth::Change change;
  change.verdict = row.at("verdict").get<std::string>();
  change.before_ml = row.at("before_ml").get<double>(), change.after_ml = row.at("after_ml").get<double>();
  change.change_ml = row.at("change_ml").get<double>();
  change.change_uncertainty_ml = row.at("change_uncertainty_ml").get<double>();
  change.change_percent = mri::optional_number(row, "change_percent");
  change.doubling_days = mri::optional_number(row, "doubling_days");
  if (row.contains("centroid_lps_mm")) change.centroid_lps_mm = row["centroid_lps_mm"].get<ViewPoint>();
  return change;
}

}  // namespace

ViewGrowth load_view_growth(const std::filesystem::path& path) {
  const std::filesystem::path file = std::filesystem::is_directory(path) ? path / "growth.json" : path;
  const json parsed = mri::read_json(file);
  try {
    if (!parsed.contains("fovea_growth")) throw mri::damaged_json(file);
    ViewGrowth growth;
    growth.days = parsed.at("days").get<double>();
    if (!parsed.at("total").is_null()) growth.total = change_of(parsed["total"]);
    for (const json& row : parsed.at("lesions")) growth.lesions.push_back(change_of(row));
    growth.notices = parsed.value("notices", std::vector<std::string>{});
    return growth;
  } catch (const json::exception&) {
    throw mri::damaged_json(file);
  }
}

}  // namespace fovea::pipeline
