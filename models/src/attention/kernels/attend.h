// What softmax attention over a pattern of pairs reads and writes on CUDA: contiguous device pointers, row-major, one
// row of q, k or v a token of a head. C++17, no tensor library.
#pragma once

#include <cstdint>

namespace fovea::attention::kernels {

struct Attend {
  const float *q, *k, *v;
  std::int64_t width, value_width;  ///< of a row of q and k; of v
  float scale;
};

/// What the forward pass left and what is asked for. `delta` is workspace of one value a query. grad_lse may be null,
/// and so may any of dq, dk, dv.
struct AttendGradients {
  const float *out, *lse, *grad_out, *grad_lse;
  float *delta, *dq, *dk, *dv;
};

}  // namespace fovea::attention::kernels
