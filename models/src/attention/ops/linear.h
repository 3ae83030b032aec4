// Linear attention behind linear_attention.h.
#pragma once

#include <fovea/models/linear_attention.h>

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

/// e^(-slope |i - j|) [h, n, n]; 0 for j > i when causal.
at::Tensor decay_weights(const at::Tensor& slopes, std::int64_t n, Decay decay);
at::Tensor reference_decayed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& slopes,
                             Decay decay);
/// Plain tensor operations tile after tile: differentiable, any device.
at::Tensor tiled_decayed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& slopes,
                         Decay decay, std::int64_t tile);

}  // namespace fovea::attention::ops
