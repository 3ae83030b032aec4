// The options of `slide features`: their table, and the checked values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fovea/io/array.h>
#include <fovea/io/bag.h>
#include <fovea/pipeline/job.h>

#include "model_store.h"
#include "slide/guards.h"
#include "slide/tissue_parameters.h"

namespace fovea::pipeline::slide {

struct FeaturesOptions {
  std::vector<std::string> slides;
  std::filesystem::path list, out, coords;
  std::string encoder;
  io::BagLayout layout = io::BagLayout::kTrident;
  io::ElementType precision = io::ElementType::kF32;
  TileChoice tiles;
  Placement placement;
  GuardOptions guards;
  std::string isolate = "auto";
  std::int64_t batch = 16, threads = 0;
  bool pt = false, previews = true, overwrite = false, allow_torchscript = false;
};

std::vector<Parameter> features_parameters();
/// Error(kUsage) with every problem at once.
FeaturesOptions features_options(const JobValues& values);

}  // namespace fovea::pipeline::slide
