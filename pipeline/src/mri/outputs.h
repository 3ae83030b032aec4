// The result files of `mri segment`: all of them, or none.
#pragma once

#include <filesystem>
#include <stop_token>
#include <vector>

#include "mri/report.h"
#include "mri/segment_options.h"
#include "mri/segmentation.h"

namespace fovea::pipeline::mri {

/// `volume` is the reference, values included. Written under temporary names and renamed together.
std::vector<std::filesystem::path> write_outputs(Segmentation& segmentation, const io::Volume& volume,
                                                 const Report& report, const SegmentOptions& options,
                                                 const std::stop_token& stop);

}  // namespace fovea::pipeline::mri
