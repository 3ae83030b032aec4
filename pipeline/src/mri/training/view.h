// Training views: a window of a prepared case, changed at random, reproducible from (seed, epoch, view).
#pragma once

#include <cstdint>
#include <vector>

#include "mri/training/prepared.h"

namespace fovea::pipeline::mri::training {

struct View {
  std::vector<Grid> channels;  ///< zero where a modality is absent
  std::vector<bool> present;
  std::vector<std::uint8_t> label;
};

struct ViewSeed {
  std::uint64_t seed = 0;
  std::int64_t epoch = 0, index = 0;
};
/// `ramp`: of modality dropout.
View draw_view(const Prepared& prepared, const Recipe& recipe, double ramp, const ViewSeed& seed);

}  // namespace fovea::pipeline::mri::training
