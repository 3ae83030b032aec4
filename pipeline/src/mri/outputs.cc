#include "mri/outputs.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <memory>

#include <nlohmann/json.hpp>

#include <fovea/io/atomic_file.h>
#include <fovea/io/dicom_seg.h>
#include <fovea/io/image.h>
#include <fovea/io/weights.h>
#include <fovea/pipeline/job.h>

#include "log/log.h"
#include "mri/label_colours.h"
#include "mri/overlay.h"
#include "mri/report_page.h"
#include "output_set.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

using slide::fixed_text;

/// Slicer's entry for "Morphologically Altered Structure: Mass" (codes of mri-io.md 4.2). Other names get none: a wrong
/// code is worse.
constexpr const char* kMassTerminology =
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^49755003^Morphologically Altered "
    "Structure~SCT^4147007^Mass~^^~"
    "Anatomic codes - DICOM master list~^^~^^";

bool is_mass(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(c < 128 ? std::tolower(c) : c); });
  for (const char* mass : {"tumor", "tumour", "meningioma", "glioma", "metastasis", "mass"})
    if (name.find(mass) != std::string::npos) return true;
  return false;
}

/// DICOM wants a code for every segment: what is no known mass is tissue.
std::vector<io::DicomSegment> dicom_segments_of(const Report& report) {
  const io::DicomCode altered{"49755003", "SCT", "Morphologically Altered Structure"}, mass{"4147007", "SCT", "Mass"},
      tissue{"85756007", "SCT", "Tissue"};
  std::vector<io::DicomSegment> segments;
  for (std::size_t label = 1; label < report.labels.size(); ++label) {
    const bool known = is_mass(report.labels[label]);
    segments.push_back({report.labels[label], static_cast<int>(label), known ? altered : tissue, known ? mass : tissue,
                        "Fovea " + version() + " " + report.model.architecture});
  }
  return segments;
}

std::vector<std::array<double, 3>> colours_of(const SegmentOptions& options) {
  auto colours = kLabelColours;
  if (options.colour) colours.front() = *options.colour;
  return colours;
}

std::vector<io::Segment> segments_of(const Report& report, const std::vector<std::array<double, 3>>& colours) {
  std::vector<io::Segment> segments;
  for (std::size_t label = 1; label < report.labels.size(); ++label)
    segments.push_back({.id = "Segment_" + std::to_string(label),
                        .name = report.labels[label],
                        .color = colours[(label - 1) % colours.size()],
                        .label_value = static_cast<int>(label),
                        .terminology = is_mass(report.labels[label]) ? kMassTerminology : ""});
  return segments;
}

OverlayText overlay_text(const Report& report) {
  OverlayText text;
  text.title = "Fovea  " + report.model.architecture + ": ";
  for (std::size_t label = 1; label < report.labels.size(); ++label)
    text.title += (label > 1 ? ", " : "") + report.labels[label];
  if (report.findings.empty()) {
    text.lines.push_back("nothing reached the threshold; views through the middle of the volume");
  } else {
    const Lesion& largest = report.findings.front().lesion;
    text.lines.push_back(
        (report.findings.size() == 1 ? "1 region, " : std::to_string(report.findings.size()) + " regions, ") +
        fixed_text(report.total_ml(), 2) + " ml in all; largest " + fixed_text(largest.volume_ml, 2) + " ml, " +
        fixed_text(largest.longest_diameter_mm, 1) + " mm across, p max " + fixed_text(largest.max_probability, 2));
  }
  text.lines.push_back("radiological view: patient's right on the left. Research only, not for clinical decisions.");
  return text;
}

Vec3 view_centre(const Segmentation& segmentation, const Report& report) {
  return report.findings.empty() ? centre_of(segmentation.labels.geometry)
                                 : lesion_view(segmentation.labels, report.findings.front().lesion);
}

io::Volume map_volume(const Grid& map, const io::Volume& image) {
  io::Volume volume;
  volume.geometry = image.geometry, volume.values = map.values;
  return volume;
}

/// A modality's name as part of a file name.
std::string file_word(std::string name) {
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

/// Highest probability of any foreground class: with one class, that class.
io::Volume probability_volume(Segmentation& segmentation) {
  io::Volume volume;
  volume.geometry = segmentation.labels.geometry;
  volume.values = std::move(segmentation.probabilities.front().values);
  for (std::size_t c = 1; c < segmentation.probabilities.size(); ++c)
    for (std::size_t i = 0; i < volume.values.size(); ++i)
      volume.values[i] = std::max(volume.values[i], segmentation.probabilities[c].values[i]);
  segmentation.probabilities.clear();
  return volume;
}

}  // namespace

std::vector<std::filesystem::path> write_outputs(Segmentation& segmentation, const io::Volume& volume,
                                                 const Report& report, const SegmentOptions& options,
                                                 const std::stop_token& stop) {
  const auto colours = colours_of(options);
  const ReportView view{report, report_pictures(report, segmentation.labels, volume, colours), options.pseudonym};
  const std::string page = segment_html(view, options.out);
  OutputSet files(stop);
  files.add(options.out / "segmentation.nii.gz",
            [&](const auto& path) { io::write_label_map(path, segmentation.labels); });
  files.add(options.out / "segmentation.seg.nrrd",
            [&](const auto& path) { io::write_seg_nrrd(path, segmentation.labels, segments_of(report, colours)); });
  files.add(options.out / "overlay.png", [&](const auto& path) {
    io::write_png(path, draw_overlay(volume, segmentation.labels, view_centre(segmentation, report), colours,
                                     overlay_text(report)));
  });
  files.add(options.out / "probability.nii.gz",
            [&](const auto& path) { io::write_volume(path, probability_volume(segmentation)); });
  for (const auto& [name, weights] : segmentation.modality_weights)
    files.add(options.out / ("attention-" + file_word(name) + ".nii.gz"),
              [&weights = weights, &volume](const auto& path) { io::write_volume(path, map_volume(weights, volume)); });
  if (segmentation.gate)
    files.add(options.out / "gate.nii.gz",
              [&](const auto& path) { io::write_volume(path, map_volume(*segmentation.gate, volume)); });
  if (!options.dump.empty())
    files.add(options.dump, [&](const auto& path) {
      io::write_safetensors(path, segmentation.dump,
                            {{"architecture", report.model.architecture}, {"model_sha256", report.model.sha256}});
    });
  if (!options.dicom_seg.empty())
    files.add(options.dicom_seg, [&](const auto& path) {
      for (const std::string& attribute :
           io::write_dicom_seg(path, segmentation.labels, dicom_segments_of(report), options.source, options.reading))
        log_warning("DICOM SEG: the source's " + attribute + " breaks DICOM's rules and was left out");
    });
  files.add(options.out / "report.json",
            [&](const auto& path) { io::write_file(path, report_json(report).dump(2) + "\n"); });
  files.add(options.out / "lesions.csv", [&](const auto& path) { io::write_file(path, lesions_csv(report)); });
  files.add(options.out / "report.html", [&](const auto& path) { io::write_file(path, page); });
  files.add(options.out / "report.pdf", [&](const auto& path) { write_segment_pdf(path, view); });
  return files.commit();
}

}  // namespace fovea::pipeline::mri
