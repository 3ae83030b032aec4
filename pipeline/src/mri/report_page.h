// report.html and report.pdf of `mri segment`: the same content, with pictures of the lesions, on A4.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include <fovea/io/image.h>

#include "mri/report.h"

namespace fovea::pipeline::mri {

struct ReportPicture {
  io::Image image;
  std::string caption;
};
/// Three views through each of the largest lesions; through the middle of the volume when there is none. One colour
/// (0..1) a label, from label 1.
std::vector<ReportPicture> report_pictures(const Report& report, const io::LabelVolume& labels, const io::Volume& image,
                                           const std::vector<std::array<double, 3>>& colours);

/// What both reports show.
struct ReportView {
  const Report& report;
  std::vector<ReportPicture> pictures;
  std::string pseudonym;  ///< the user's own text for the heading, may be empty; nothing else names a patient
};

/// `scratch`: a folder for pictures on their way into the page.
std::string segment_html(const ReportView& view, const std::filesystem::path& scratch);
/// Atomic.
void write_segment_pdf(const std::filesystem::path& path, const ReportView& view);

/// The voxel of the lesion nearest to its centroid, LPS mm: a curved lesion need not contain its own centre.
Vec3 lesion_view(const io::LabelVolume& labels, const Lesion& lesion);

}  // namespace fovea::pipeline::mri
