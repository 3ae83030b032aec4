// Attention over the voxels, channels and modalities of a volume: dual attention (reference/attention.md 3.8) and
// masked modality attention (reference/thrombus.md section 2, step 2). Part of the attention layer (attention.h):
// weights are [out, in], y = x W^T + b.
//
// Types: float64 and float32, any strides; spatial dims are any number, but at least one. Everything is differentiable
// in every tensor but masks. Edges: no voxel, channel or modality is Error(kShape). -inf scores weigh 0, a softmax with
// nothing to look at gives 0 and zero gradient, NaN stays NaN, |scores| up to 1e4 are fine.
// FOVEA_ATTENTION_BACKEND=reference forces the plain composition.
#pragma once

#include <cstdint>
#include <string_view>

#include <ATen/core/Tensor.h>

namespace fovea::attention {

/// out = softmax(q k^T) v without 1/sqrt(d). q [B, N, d], k [B, M, d], v [B, M, C] -> [B, N, C]. Without a graph on the
/// CPU, tiles of queries go over tiles of keys with a running softmax: memory grows with N + M, never with N M. With a
/// graph there all weights are held: train at bottleneck grids (20^3 voxels are 256 MB in float32).
at::Tensor position_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);
/// The weights [B, N, M] themselves, for heat maps: give the queries of the voxels that are looked at.
at::Tensor position_weights(const at::Tensor& q, const at::Tensor& k);

/// 1x1x1 convolutions of position attention; biases may be undefined (the meningioma code has none).
struct PositionWeights {
  at::Tensor wq, bq;  ///< [d, C], [d]
  at::Tensor wk, bk;  ///< [d, C], [d]
  at::Tensor wv, bv;  ///< [C, C], [C]
  at::Tensor gamma;   ///< one value
};
/// A projection of the voxels: x [B, C, spatial...] -> [B, N, width], N row-major. `bias` may be undefined.
at::Tensor projected_voxels(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);
/// out = gamma position_attention(q, k, v) + x over all voxels of x [B, C, spatial...]; like x.
at::Tensor dual_position(const at::Tensor& x, const PositionWeights& weights);

/// E = X X^T [C, C] over all voxels of an image.
///   kInverted (DANet): A = softmax_last(rowmax(E) - E), out_c = gamma sum_j A_cj x_j + x_c
///   kDirect (meningioma DAUNet): A = softmax_last(E), applied transposed: out_c = gamma sum_j A_jc x_j + x_c, so that
///   the weights of an output channel do not sum to 1
enum class ChannelForm { kInverted, kDirect };
ChannelForm parse_channel_form(std::string_view name);  ///< "inverted" or "danet", "direct"; otherwise Error(kUsage)
/// x [B, C, spatial...], gamma one value; like x. Without a graph on the CPU, E is summed in splits of kSplit voxels
/// merged in double in index order: bit-identical for any number of threads.
at::Tensor dual_channel(const at::Tensor& x, const at::Tensor& gamma, ChannelForm form);
at::Tensor channel_weights(const at::Tensor& x, ChannelForm form);  ///< A [B, C, C]

/// Masked modality attention, one softmax over the M modalities a voxel.
struct ModalityWeights {
  at::Tensor wf;      ///< [M, A, C]  one projection a modality
  at::Tensor wg, bg;  ///< [A, Cg], [A]  of the guide
  at::Tensor wp, bp;  ///< [A], [1]
};
struct FusedModalities {
  at::Tensor y;        ///< [B, C, spatial...]  sum over m of a_m f_m
  at::Tensor weights;  ///< [B, M, spatial...]  a: 0 where a modality is absent
};
/// s_m = w_p . relu(W_m f_m + W_g g + b_g) + b_p, a = softmax over the present m, y = sum_m a_m f_m. features
/// [B, M, C, spatial...], guide [B, Cg, spatial...], present bool [B, M]. The features of an absent modality are never
/// read: they may be uninitialised memory. An image without any modality gives 0; refuse it before inference.
FusedModalities modality_attention(const at::Tensor& features, const at::Tensor& guide, const at::Tensor& present,
                                   const ModalityWeights& weights);
/// The same with given scores [B, M, spatial...], which are not read for absent modalities either.
FusedModalities fused_modalities(const at::Tensor& features, const at::Tensor& scores, const at::Tensor& present);

}  // namespace fovea::attention
