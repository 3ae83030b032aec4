// The modalities of one head as a stack of slices for a recurrent network (reference/thrombus.md 2), and back. Training
// and inference call the same code.
#pragma once

#include <stop_token>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mri/grid.h"
#include "mri/preprocessing.h"
#include "mri/resample.h"

namespace fovea::pipeline::mri {

enum class StackCanvas {
  kFixed,  ///< exactly slice_size squared, cut or padded about the image's centre: the windows of training
  kWhole   ///< at least slice_size squared, larger where the image does not fit: nothing is cut at inference
};

/// How a stack lies in the reference volume. Slices run along the axis of the thickest spacing, which is never
/// resampled (superior-inferior when no axis is thicker than the others by 1 %); X and Y are the other two of
/// Right-Anterior-Superior in this order, so that a file's axis order and flips do not matter.
struct StackPlacement {
  Index3 native_size{0, 0, 0};  ///< of the reference
  Canonical canonical;          ///< reference axes to Right, Anterior, Superior
  std::array<int, 3> order{};   ///< X, Y and slices of the stack as axes of [R][A][S]
  Index3 content{0, 0, 0};      ///< X, Y in network pixels of the whole image; slices
  Index3 size{0, 0, 0};         ///< X, Y of the canvas; slices
  Vec3 spacing_mm{0, 0, 0};     ///< of X, Y and slices, on the canvas
};

/// `divisor`: of the network's X and Y. Pixels are slice_spacing_mm wide; 0 leaves them as they are.
StackPlacement place_stack(const io::Geometry& reference, const Preprocessing& preprocessing, std::int64_t divisor,
                           StackCanvas canvas);

struct RecurrentStack {
  at::Tensor x;        ///< float [M, X, Y, S], zeros where a modality is absent
  at::Tensor present;  ///< bool [M]
};
/// One grid a modality in the model's order, on the reference grid; null where it is absent. Each is clipped to the
/// model's percentiles of its voxels above 0 and standardised over them when the model says zeromean_nonzero (zeros
/// stay zeros), else normalised as `normalise` does, before the canvas cuts anything off.
RecurrentStack make_stack(const std::vector<const Grid*>& modalities, const StackPlacement& placement,
                          const Preprocessing& preprocessing, const std::stop_token& stop = {});

/// Labels of the reference grid as int64 [X, Y, S], by nearest neighbour.
at::Tensor stack_labels(const Grid& labels, const StackPlacement& placement);

/// A map [X, Y, S] of the canvas on the reference grid; 0 where the canvas did not reach.
Grid from_stack(const at::Tensor& map, const StackPlacement& placement, Interpolation interpolation);

}  // namespace fovea::pipeline::mri
