// Random views of an outlined slice, on plain arrays and reproducible from (seed, epoch, slice).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mri/healthy_half.h"
#include "mri/slice_set.h"

namespace fovea::pipeline::mri {

struct Augmentation {
  double flip = 0.5;                                         ///< probability of mirroring x
  double rotation_degrees = 17, scale = 0.15, shift = 0.10;  ///< each way; shift as a share of the side
  double healthy = 0.25;  ///< probability of showing the mirrored healthy half, where a slice has one
  double gamma = 0.25;    ///< exponent exp(+-gamma) on the grey values: scanners differ
};

struct View {
  std::vector<float> image;  ///< as OutlinedSlice
  std::vector<std::uint8_t> mask;
};

struct ViewSeed {
  std::uint64_t seed = 0;
  std::int64_t epoch = 0, index = 0;
};
View augmented(const OutlinedSlice& slice, const std::optional<Fold>& fold, std::int64_t size,
               const Augmentation& augmentation, const ViewSeed& seed);

}  // namespace fovea::pipeline::mri
