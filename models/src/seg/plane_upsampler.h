// The transposed convolution of stride 2 for a few planes at a time, as an ordinary one: every voxel becomes 2 x 2 x 2,
// and each of the eight sees its own taps of a 2 x 2 x 2 neighbourhood. It does twice the products and is faster all the
// same where channels are few, as the library's transposed convolution is at a fifth of the ordinary one's rate there.
#pragma once

#include "seg/folded.h"

namespace fovea::models::seg {

class PlaneUpsampler {
 public:
  /// A layer of kernel 3 in 3 spatial dims without a norm of its own.
  explicit PlaneUpsampler(const Folded& up);
  /// Planes begin..end (even numbers) of relu(upsample(x)) into `room`, [1, F, end - begin, 2Y, 2Z].
  void relu_planes(const at::Tensor& x, std::int64_t begin, std::int64_t end, const at::Tensor& room) const;

 private:
  at::Tensor weight_, bias_;  ///< of 8 F channels: of the voxel at (a, b, c) of its eight, 4 a + 2 b + c before F
};

}  // namespace fovea::models::seg
