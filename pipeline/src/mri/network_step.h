// Channels on the network's lattice -> probabilities on the same lattice: whole volume, slabs or patches.
#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include <fovea/models/segmentation.h>

#include "mri/grid.h"
#include "mri/preprocessing.h"

namespace fovea::pipeline::mri {

/// Called with 0..1 between pieces; may throw to stop.
using Advance = std::function<void(double)>;

/// Where tiles go. `padding` repeats the edge; positions are in the padded array.
struct Tiling {
  Index3 before{0, 0, 0}, after{0, 0, 0}, tile{0, 0, 0};
  std::vector<Index3> begin;
};
/// Slabs follow each other; patches step by size minus offset, the last one is moved back inside.
Tiling plan_tiles(const Index3& size, const Preprocessing& preprocessing);

/// One grid of probabilities per class. Overlapping tiles are fused by maximum; the activation is applied after fusion
/// where it is not part of the model, as in the published pipeline. Frees `channels`.
std::vector<Grid> run_network(const models::SegNetwork& network, std::vector<Grid> channels,
                              const Preprocessing& preprocessing, const Advance& advance);

/// Average (or maximum) of the folds' results, element by element.
enum class Ensemble { kAverage, kMaximum };
void add_fold(std::vector<Grid>& total, const std::vector<Grid>& fold, Ensemble ensemble);

/// Bytes that one forward pass of `network` needs about, for a warning before it is too late.
double network_bytes(const models::SegConfig& config, double spatial_voxels);

}  // namespace fovea::pipeline::mri
