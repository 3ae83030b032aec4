// The options that every command has which looks for tissue and cuts tiles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fovea/io/slide.h>
#include <fovea/pipeline/job.h>

#include "slide/tissue.h"

namespace fovea::pipeline::slide {

struct TileChoice {
  std::optional<double> mpp, target_mpp;  ///< micrometres per pixel
  std::optional<std::int64_t> tile_px;
  std::string overlap = "0";
  double min_tissue = 0.1;
  bool allow_upsampling = false, allow_unreadable = false;
};

/// Group "Tiles"; `defaults` completes "(default: ...)" of scale and edge.
void add_tile_parameters(std::vector<Parameter>& parameters, const std::string& defaults);
/// Group "Tissue".
void add_tissue_parameters(std::vector<Parameter>& parameters);

/// The values of both groups, checked; what is wrong is added to `problems`.
TileChoice tile_choice(const JobValues& values, std::vector<std::string>& problems);
/// The preset's rules, then what the user set on top of them.
TissueOptions tissue_options(const JobValues& values, double mpp_level0);

/// Micrometres per level-0 pixel, or Error(kMissingScale) naming what was looked at.
/// `option`: how to pass it instead.
double level0_mpp(const io::SlideInfo& info, const std::string& subject, const std::string& option = "--mpp");

}  // namespace fovea::pipeline::slide
