// The options of `slide tiles`: their table, and the checked values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fovea/pipeline/job.h>

#include "slide/guards.h"
#include "slide/tissue_parameters.h"

namespace fovea::pipeline::slide {

enum class TilesFormat { kFovea, kClam, kTrident };

struct TilesOptions {
  std::vector<std::string> slides;
  std::filesystem::path list, out;
  TilesFormat format = TilesFormat::kFovea;
  TileChoice tiles;
  double target_mpp = 0.5;
  std::int64_t tile_px = 256, overlap_px = 0;
  GuardOptions guards;
  std::int64_t threads = 0;
  bool read_tiles = false, preview = true, overwrite = false;
  std::string isolate;   ///< auto, on, off
  std::string settings;  ///< hash of everything that decides which tiles are kept
};

std::vector<Parameter> tiles_parameters();
/// Error(kUsage) with every problem at once.
TilesOptions tiles_options(const JobValues& values);

}  // namespace fovea::pipeline::slide
