// report.html of `mri segment`: one page that prints on A4, with pictures of the lesions.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "mri/report.h"

namespace fovea::pipeline::mri {

/// `pseudonym`: the user's own text for the heading, may be empty; nothing else of the page names a patient.
/// `scratch`: a folder for pictures on their way into the page. One colour (0..1) a label, from label 1.
std::string segment_html(const Report& report, const io::LabelVolume& labels, const io::Volume& image,
                         const std::vector<std::array<double, 3>>& colours, const std::string& pseudonym,
                         const std::filesystem::path& scratch);

/// The voxel of the lesion nearest to its centroid, LPS mm: a curved lesion need not contain its own centre.
Vec3 lesion_view(const io::LabelVolume& labels, const Lesion& lesion);

}  // namespace fovea::pipeline::mri
