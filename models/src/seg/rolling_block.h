// A block's two convolutions over a volume that passes by in slabs of planes (the first spatial axis), so that neither
// their input nor what lies between them is ever held whole. At full resolution that is most of a network's memory; and
// slabs that fit the allocator's lists spare the processor the clearing of fresh pages.
#pragma once

#include <functional>
#include <optional>

#include "seg/folded.h"

namespace fovea::models::seg {

/// A convolution of kernel 3 fed with planes in order; each plane of input is convolved once. One image, 3 spatial
/// dims.
class RollingConvolution {
 public:
  /// At most `planes` come at a time.
  RollingConvolution(const Folded& layer, std::int64_t planes) : layer_(layer), planes_(planes) {}

  /// Where the next planes belong, [1, C, planes, Y, Z], to be filled. `like`: an image that has the type, and Y and Z.
  at::Tensor room(const at::Tensor& like, std::int64_t planes, bool last);
  /// The output planes that are complete now; undefined when there are none.
  at::Tensor convolved();

 private:
  const Folded& layer_;
  std::int64_t planes_, held_ = 0;  ///< of the buffer, with the carried ones
  at::Tensor buffer_;
};

/// Planes of a slab, an even number, where `planes` in all are worth it; nothing when they are too few, or when a layer's
/// norm needs the whole volume.
std::optional<std::int64_t> slab_planes(const at::Tensor& like, std::int64_t planes, const FoldedBlock& block);

/// Writes the block's input planes `begin`..`end` into `room`, [1, C, end - begin, Y, Z].
using FillPlanes = std::function<void(std::int64_t begin, std::int64_t end, at::Tensor room)>;
/// Takes the block's output before its last ReLU, in order. The tensor is the taker's.
using TakePlanes = std::function<void(std::int64_t begin, at::Tensor planes)>;
/// run_block without the whole: `like` as above, `planes` of input in all.
void roll_block(const FoldedBlock& block, const at::Tensor& like, std::int64_t planes, std::int64_t slab,
                const FillPlanes& fill, const TakePlanes& take);

}  // namespace fovea::models::seg
