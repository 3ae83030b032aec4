#include "mri/report.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include <fovea/pipeline/job.h>

#include "slide/csv_table.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

using Json = nlohmann::json;
using slide::fixed_text;

constexpr int kReportVersion = 1;
constexpr std::size_t kTextRows = 12;

/// Micrometres and microlitres are all that a voxel can tell; more digits would only be noise in a comparison of two
/// runs.
double rounded(double value) {
  return std::round(value * 1e6) / 1e6;
}
Json rounded(const Vec3& v) {
  return Json{rounded(v[0]), rounded(v[1]), rounded(v[2])};
}

Json rounded_or_null(const std::optional<double>& value) {
  return value ? Json(rounded(*value)) : Json(nullptr);
}

Json box_json(const Box& box) {
  // Inclusive, as Slicer's extents.
  return Json{{"first", box.begin}, {"last", {box.end[0] - 1, box.end[1] - 1, box.end[2] - 1}}};
}

Json geometry_json(const InputFacts& input) {
  const io::Geometry& g = input.geometry;
  Json json{{"size", g.size},
            {"spacing_mm", g.spacing_mm},
            {"origin_lps_mm", g.origin_mm},
            {"direction_lps", g.direction},
            {"content_sha256", input.content_hash}};
  if (!input.modality.empty()) json["modality"] = input.modality;
  if (!input.name.empty()) json["given_as"] = input.name;
  return json;
}

Json finding_json(const Finding& finding, const std::vector<std::string>& labels) {
  const Lesion& l = finding.lesion;
  Json json{{"label", l.label},
            {"name", labels[static_cast<std::size_t>(l.label)]},
            {"voxels", l.voxels},
            {"volume_ml", rounded(l.volume_ml)},
            {"centroid_lps_mm", rounded(l.centroid_lps_mm)},
            {"centroid_index", rounded(l.centroid_index)},
            {"bounding_box_index", box_json(l.box)},
            {"longest_diameter_mm", rounded(l.longest_diameter_mm)},
            {"longest_axial_diameter_mm", rounded(l.longest_axial_diameter_mm)},
            {"axial_width_mm", rounded(l.axial_width_mm)},
            {"laterality", finding.laterality.side},
            {"midline_distance_mm", rounded_or_null(finding.laterality.centroid_distance_mm)},
            {"midline_nearest_mm", rounded_or_null(finding.laterality.nearest_distance_mm)},
            {"mean_probability", rounded(l.mean_probability)},
            {"max_probability", rounded(l.max_probability)},
            {"below_size_limit", finding.below_size_limit}};
  if (finding.modality_weights.empty()) return json;
  json["dominant_modality"] = finding.dominant_modality();
  for (const auto& [name, weight] : finding.modality_weights) json["modality_weights"][name] = rounded(weight);
  return json;
}

std::string cropping_name(Cropping cropping) {
  switch (cropping) {
    case Cropping::kNone: return "none";
    case Cropping::kMinimum: return "minimum";
    case Cropping::kBrainClip: return "brain_clip";
    case Cropping::kBrainMask: return "brain_mask";
  }
  return {};
}

std::string test_time_name(TestTime augmentation) {
  return augmentation == TestTime::kFlips ? "flips" : augmentation == TestTime::kMirror ? "mirror" : "none";
}

Json parameters_json(const Report& r) {
  Json json{{"compat", r.settings.compat == Compat::kRaidionics ? "raidionics" : "fovea"},
            {"resample", r.settings.order == ResampleOrder::kFirst ? "first" : "second"},
            {"thresholds", r.thresholds},
            {"cropping", cropping_name(r.preprocessing.cropping)},
            {"crop_box_index", box_json(r.crop)},
            {"folds", r.folds},
            {"ensemble", r.settings.ensemble == Ensemble::kMaximum ? "maximum" : "average"},
            {"test_time_augmentation", test_time_name(r.settings.test_time)},
            {"min_component_ml", r.min_component_ml},
            {"below_size_mm3", r.below_size_mm3},
            {"connectivity", 26}};
  if (!r.planes.empty()) {
    json["planes"] = Json::array();
    for (const Plane plane : r.planes) json["planes"].push_back(plane_name(plane));
  }
  return json;
}

Json midline_json(const std::optional<Midline>& midline) {
  if (!midline) return nullptr;
  return {{"sure", midline->sure},
          {"symmetry", rounded(midline->symmetry)},
          {"spread_mm", rounded(midline->spread_mm)},
          {"normal_ras", rounded(midline->normal_ras)},
          {"offset_mm", rounded(midline->offset_mm)}};
}

/// A part below the size limit may be noise: it does not make a disease multifocal.
Json focality_json(const Report& r, int label) {
  std::int64_t counted = 0;
  double largest = 0, all = 0;
  for (const Finding& f : r.findings) {
    if (f.lesion.label != label) continue;
    counted += !f.below_size_limit, all += f.lesion.volume_ml, largest = std::max(largest, f.lesion.volume_ml);
  }
  return {{"multifocal", counted > 1},
          {"lesions_above_size_limit", counted},
          {"largest_share", all > 0 ? Json(rounded(largest / all)) : Json(nullptr)}};
}

Json totals_json(const Report& r) {
  Json totals = Json::array();
  for (std::size_t label = 1; label < r.labels.size(); ++label) {
    double ml = 0;
    std::int64_t count = 0;
    for (const Finding& f : r.findings)
      if (f.lesion.label == static_cast<int>(label)) ml += f.lesion.volume_ml, ++count;
    totals.push_back({{"label", label},
                      {"name", r.labels[label]},
                      {"lesions", count},
                      {"volume_ml", rounded(ml)},
                      {"focality", focality_json(r, static_cast<int>(label))}});
  }
  return totals;
}

std::string side_text(const Finding& finding) {
  return finding.laterality.side == "unknown" ? "" : ", " + finding.laterality.side;
}

std::string padded(std::string text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

}  // namespace

std::string Finding::dominant_modality() const {
  const auto largest = std::max_element(modality_weights.begin(), modality_weights.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
  return largest == modality_weights.end() ? std::string{} : largest->first;
}

double Report::total_ml() const {
  double sum = 0;
  for (const Finding& finding : findings) sum += finding.lesion.volume_ml;
  return sum;
}

void find_findings(Segmentation& segmentation, const io::Volume& image, Report& report) {
  io::LabelVolume& labels = segmentation.labels;
  const auto components = find_components(labels.values, labels.geometry.size, Connectivity::k26);
  if (!components.empty()) report.midline = find_midline(image);
  for (const Component& component : components) {
    if (static_cast<double>(component.voxels.size()) * labels.geometry.voxel_ml() < report.min_component_ml) {
      for (const std::int64_t voxel : component.voxels) labels.values[static_cast<std::size_t>(voxel)] = 0;
      ++report.dropped_components;
      continue;
    }
    Finding finding{measure(component, labels.geometry, segmentation.probability_of(component.label)),
                    laterality_of(component, labels.geometry, report.midline)};
    finding.below_size_limit = finding.lesion.volume_ml * 1000 < report.below_size_mm3;
    for (const auto& [name, weights] : segmentation.modality_weights) {
      double sum = 0;
      for (const std::int64_t voxel : component.voxels) sum += weights.values[static_cast<std::size_t>(voxel)];
      finding.modality_weights.emplace_back(name, sum / static_cast<double>(component.voxels.size()));
    }
    report.findings.push_back(finding);
  }
  std::stable_sort(report.findings.begin(), report.findings.end(),
                   [](const Finding& a, const Finding& b) { return a.lesion.volume_ml > b.lesion.volume_ml; });
}

Json report_json(const Report& r) {
  Json json{{"fovea_report", kReportVersion},
            {"software", "fovea " + version()},
            {"task", "mri segment"},
            {"frame", "LPS, millimetres"}};
  json["model"] = {{"architecture", r.model.architecture},
                   {"sha256", r.model.sha256},
                   {"parameters", r.model.parameters},
                   {"labels", r.labels}};
  json["device"] = "cpu";
  json["parameters"] = parameters_json(r);
  json["inputs"] = Json::array();
  for (const InputFacts& input : r.inputs) json["inputs"].push_back(geometry_json(input));
  if (!r.modalities.empty()) json["modalities"] = modalities_json(r.modalities);
  json["definitions"] = {
      {"volume", "voxels of the native grid times voxel volume"},
      {"longest_diameter_mm", "largest distance between two voxel centres of the lesion"},
      {"longest_axial_diameter_mm", "the same within one slice across the axis nearest to superior-inferior"},
      {"axial_width_mm", "extent of the voxel centres of that slice across its longest diameter"},
      {"laterality",
       "left or right of the plane of best mirror symmetry; midline: less than four fifths on one side; "
       "unknown: the image is not symmetric enough"},
      {"midline_distance_mm",
       "of the centroid; midline_nearest_mm: of the nearest voxel centre, 0 when the plane cuts it"},
      {"midline",
       "symmetry: correlation of the image with its mirror image; spread_mm: how far the plane's place differs between "
       "front, back, upper and lower half of the head; sure from a symmetry of 0.5 and up to a spread of 5 mm"},
      {"multifocal", "more than one lesion of at least below_size_mm3"},
      {"below_size_limit", "smaller than below_size_mm3: listed, not removed"},
      {"modality_weights", "mean of the modality attention within the lesion; they sum to 1"}};
  json["totals"] = totals_json(r);
  json["midline"] = midline_json(r.midline);
  json["lesions"] = Json::array();
  for (const Finding& finding : r.findings) json["lesions"].push_back(finding_json(finding, r.labels));
  json["dropped_components"] = r.dropped_components;
  json["notices"] = r.notices;
  json["disclaimer"] = "Research software. Not a medical device; not for clinical decisions.";
  return json;
}

std::string report_text(const Report& r) {
  if (r.findings.empty()) return "nothing reached the threshold\n";
  std::string text = "      ml  longest mm  max prob  centroid LPS mm\n";
  for (std::size_t i = 0; i < std::min(kTextRows, r.findings.size()); ++i) {
    const Lesion& l = r.findings[i].lesion;
    text += padded(fixed_text(l.volume_ml, 3), 8) + padded(fixed_text(l.longest_diameter_mm, 1), 12) +
            padded(fixed_text(l.max_probability, 2), 10) + "  (" + fixed_text(l.centroid_lps_mm[0], 1) + ", " +
            fixed_text(l.centroid_lps_mm[1], 1) + ", " + fixed_text(l.centroid_lps_mm[2], 1) + ")  " +
            r.labels[static_cast<std::size_t>(l.label)] + side_text(r.findings[i]) +
            (r.findings[i].below_size_limit ? ", below size limit" : "") + "\n";
  }
  if (r.findings.size() > kTextRows)
    text += "  ... and " + std::to_string(r.findings.size() - kTextRows) + " smaller, all in report.json\n";
  return text + std::to_string(r.findings.size()) + " regions, " + fixed_text(r.total_ml(), 3) + " ml in all\n";
}

std::string lesions_csv(const Report& r) {
  std::string csv =
      "lesion,label,name,voxels,volume_ml,x_lps_mm,y_lps_mm,z_lps_mm,longest_diameter_mm,longest_axial_diameter_mm,"
      "axial_width_mm,laterality,midline_distance_mm,midline_nearest_mm,mean_probability,max_probability,"
      "below_size_limit\n";
  const auto number = [](double value) { return slide::exact_text(rounded(value)); };
  const auto or_empty = [&](const std::optional<double>& value) { return value ? number(*value) : std::string{}; };
  for (std::size_t i = 0; i < r.findings.size(); ++i) {
    const Lesion& l = r.findings[i].lesion;
    const Laterality& side = r.findings[i].laterality;
    csv += std::to_string(i + 1) + "," + std::to_string(l.label) + "," +
           slide::csv_cell(r.labels[static_cast<std::size_t>(l.label)]) + "," + std::to_string(l.voxels);
    for (const double value : {l.volume_ml, l.centroid_lps_mm[0], l.centroid_lps_mm[1], l.centroid_lps_mm[2],
                               l.longest_diameter_mm, l.longest_axial_diameter_mm, l.axial_width_mm})
      csv += "," + number(value);
    csv += "," + side.side + "," + or_empty(side.centroid_distance_mm) + "," + or_empty(side.nearest_distance_mm) +
           "," + number(l.mean_probability) + "," + number(l.max_probability) + "," +
           (r.findings[i].below_size_limit ? "1" : "0") + "\n";
  }
  return csv;
}

}  // namespace fovea::pipeline::mri
