// Linear attention behind linear_attention.h.
#pragma once

#include <fovea/models/linear_attention.h>

#include "attention/ops/cuda_attend.h"

namespace fovea::attention::ops {

/// What linear attention and MALA read, checked. `keep` is bool [B|1, h|1, Nk] or undefined.
struct LinearInputs {
  at::Tensor q, k, v, keep;
  Rotation rotation;
  double eps = kLinearEps;
};

at::Tensor features(const at::Tensor& x);                           ///< elu + 1
at::Tensor rotated(const at::Tensor& x, const Rotation& rotation);  ///< x [.., N, d]; itself for no rotation
at::Tensor cleared(const at::Tensor& x, const at::Tensor& keep);    ///< rows that `keep` [.., N] drops become 0
at::Tensor kept_count(const LinearInputs& in);                      ///< [B|1, h|1, 1, 1], at least 1

at::Tensor reference_linear(const LinearInputs& in);
Mala reference_mala(const LinearInputs& in);
/// CPU, no graph: features exist for one split of rows a thread.
at::Tensor split_linear(const LinearInputs& in);
Mala split_mala(const LinearInputs& in);
/// On a GPU: sums over splits of kSplit keys, merged in index order. The reference where the library is missing, and
/// for gradients of angles.
at::Tensor cuda_linear(const LinearInputs& in);
Mala cuda_mala(const LinearInputs& in);
/// Need the library (runs_on_cuda). `out` is what the forward function gave; angles get no gradient here. upstream.z
/// may be undefined.
AttendTensors cuda_linear_backward(const LinearInputs& in, const at::Tensor& out, const at::Tensor& grad_out);
AttendTensors cuda_mala_backward(const LinearInputs& in, const Mala& forward, const Mala& upstream);

/// e^(-slope |i - j|) [h, n, n]; 0 for j > i when causal.
at::Tensor decay_weights(const at::Tensor& slopes, std::int64_t n, Decay decay);
at::Tensor reference_decayed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& slopes,
                             Decay decay);
/// Plain tensor operations tile after tile: differentiable, any device.
at::Tensor tiled_decayed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& slopes,
                         Decay decay, std::int64_t tile);
/// On a GPU, in tiles of 64 tokens whatever `tile` is; tiled_decayed where the library is missing, and for gradients of
/// slopes.
at::Tensor cuda_decayed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& slopes,
                        Decay decay, std::int64_t tile);
/// Needs the library (runs_on_cuda). Slopes get no gradient here.
AttendTensors cuda_decayed_backward(const AttendTensors& in, const at::Tensor& slopes, Decay decay,
                                    const at::Tensor& grad_out);

}  // namespace fovea::attention::ops
