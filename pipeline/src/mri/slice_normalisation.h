// Grey values of one slice for a slice-wise network: the same function in training and inference.
#pragma once

#include <cstdint>
#include <span>

namespace fovea::pipeline::mri {

/// Negatives to 0, then z-score with mean and deviation of the pixels above `foreground_fraction` of the slice's
/// maximum; 0 as the fraction takes all pixels. False (slice left as it is) when fewer than `least` pixels are
/// foreground or they do not vary.
bool normalise_slice(std::span<float> pixels, double foreground_fraction, std::int64_t least = 2);

}  // namespace fovea::pipeline::mri
