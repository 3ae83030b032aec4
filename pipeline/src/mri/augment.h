// Random views of an outlined slice, on plain arrays and reproducible from (seed, epoch, slice).
#pragma once

#include <cstdint>
#include <vector>

#include "mri/slice_set.h"

namespace fovea::pipeline::mri {

struct Augmentation {
  double flip = 0.5;               ///< probability of mirroring x
  double rotation_degrees = 17, scale = 0.15, shift = 0.10;  ///< each way; shift as a share of the side
  double gamma = 0.25;             ///< exponent exp(+-gamma) on the grey values: scanners differ
};

struct View {
  std::vector<float> image;        ///< as OutlinedSlice
  std::vector<std::uint8_t> mask;
};

View augmented(const OutlinedSlice& slice, std::int64_t size, const Augmentation& augmentation, std::uint64_t seed, std::int64_t epoch, std::int64_t index);

}  // namespace fovea::pipeline::mri
