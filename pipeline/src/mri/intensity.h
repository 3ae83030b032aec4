// Step 5 of the pipeline: clipping and normalisation of one channel.
#pragma once

#include <utility>

#include "mri/grid.h"
#include "mri/preprocessing.h"

namespace fovea::pipeline::mri {

/// The q-th percentile (0..100) with linear interpolation between order statistics.
double percentile(std::vector<float> values, double q);

/// Negatives to 0 (MRI), percentile or value clipping, normalisation. A channel without variation stays as it is.
void normalise(Grid& channel, const Preprocessing& preprocessing);

/// Negatives to 0; the voxels above 0 are clipped to these percentiles of themselves, then brought to mean 0 and sample
/// deviation 1. Zeros stay zeros: they are air, or a modality that does not reach there.
void standardise_foreground(Grid& channel, std::pair<double, double> percentiles);

/// The published pipeline takes a volume of at most 25 distinct values in [-1, 255] for an annotation: nearest
/// neighbour, no normalisation.
bool looks_like_annotation(const Grid& volume);

}  // namespace fovea::pipeline::mri
