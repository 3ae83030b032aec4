// Contract of the CUDA pooling kernels: raw device pointers, row-major, contiguous unless a stride is given. `stream`
// is a cudaStream_t. Every launcher returns 0 or a cudaError_t. No floating-point atomics; every sum has a fixed order,
// so results are bit-identical between runs on one architecture.
#pragma once

#include <cstdint>

namespace fovea::attention::kernels {

/// Weights of gated attention scores (fovea/models/attention.h). Ungated when wu is null.
struct GateView {
  const float *wv, *bv;  ///< [H, D], [H]
  const float *wu, *bu;  ///< [H, D], [H] or null
  const float *w, *b;    ///< [K, H], [K]
  std::int64_t width, hidden, branches;
};

/// Scores whose keep is false become `fill`. keep[k * stride + row]; stride 0 for one mask of all branches; null keeps
/// all.
struct KeepView {
  const bool* keep;
  std::int64_t stride;
  float fill;
};

enum RowType : int { kFloat32Rows = 0, kBfloat16Rows = 1 };
/// How products of the gate are formed; accumulators are float32 always.
enum GatePrecision : int { kExactGate = 0, kTf32Gate = 1, kBfloat16Gate = 2 };

/// Softmax over N of one branch: maximum, sum of e = exp(s - m), sum of e (s - m). Shifted by m, so that the entropy of
/// scores near 1e4 keeps its digits.
struct ShiftedState {
  float m, l, t;
};

}  // namespace fovea::attention::kernels

extern "C" {

/// major * 10 + minor of the current device.
int fovea_cuda_compute_capability(int* value);

// --- Gate scores: scores[k * stride + row] for every row. ---

/// Fused, float32 exact: no intermediate leaves the block.
int fovea_cuda_gate_scores(const float* x, std::int64_t rows, fovea::attention::kernels::GateView gate,
                           fovea::attention::kernels::KeepView keep, float* scores, std::int64_t stride, void* stream);
/// Fused, tensor cores (sm_80 on, else cudaErrorNotSupported). x of `row_type`; precision kTf32Gate (float32 rows) or
/// kBfloat16Gate.
int fovea_cuda_gate_scores_mma(const void* x, int row_type, int precision, std::int64_t rows,
                               fovea::attention::kernels::GateView gate, fovea::attention::kernels::KeepView keep,
                               float* scores, std::int64_t stride, void* stream);
/// Weights of a gated gate as the Hopper path reads them: bf16 [2 ceil(H / 64) 64, D] (hopper_layout.cuh).
int fovea_cuda_pack_gate(fovea::attention::kernels::GateView gate, void* packed, void* stream);
/// Device sm_90 only. x bf16 [N, D], 16-byte aligned, D a multiple of 8, K <= 8, gated; else cudaErrorInvalidValue.
int fovea_cuda_hopper_scores(const void* x, const void* packed, std::int64_t rows,
                             fovea::attention::kernels::GateView gate, fovea::attention::kernels::KeepView keep,
                             float* scores, std::int64_t stride, void* stream);
/// After a library's product: pre [rows, 2H] (V with its bias, then U) or [rows, H].
int fovea_cuda_activate_scores(const float* pre, std::int64_t rows, fovea::attention::kernels::GateView gate,
                               fovea::attention::kernels::KeepView keep, float* scores, std::int64_t stride,
                               void* stream);

// --- Softmax over N: scores [K, N] in splits of `split` columns, S = ceil(N / split). ---

/// states [S, K] is workspace; totals [K] merged in index order; lse and entropy [K] may be null.
int fovea_cuda_pool_states(const float* scores, std::int64_t branches, std::int64_t rows, std::int64_t split,
                           fovea::attention::kernels::ShiftedState* states,
                           fovea::attention::kernels::ShiftedState* totals, float* lse, float* entropy, void* stream);
/// z [K, D] = sum of a x, a = exp(s - m) / l; x of `row_type` is read once for every 8 branches. parts [S, K, D] is
/// workspace.
int fovea_cuda_pool_sums(const float* scores, const fovea::attention::kernels::ShiftedState* totals, const void* x,
                         int row_type, std::int64_t branches, std::int64_t rows, std::int64_t width, std::int64_t split,
                         float* parts, float* z, void* stream);
/// gram [K, K] = a a^T; parts [S, K, K] is workspace.
int fovea_cuda_pool_gram(const float* scores, const fovea::attention::kernels::ShiftedState* totals,
                         std::int64_t branches, std::int64_t rows, std::int64_t split, float* parts, float* gram,
                         void* stream);
/// Finished parts: outs [S, R, D], lses [S, R] -> out [R, D], lse [R]. The output of a part with lse -inf is not read.
int fovea_cuda_softmax_merge(const float* outs, const float* lses, std::int64_t parts, std::int64_t rows,
                             std::int64_t width, float* out, float* lse, void* stream);

// --- Backward (attention.md 3.1). ---

/// ds [K, N] from gz [K, D], ge [K] (entropy), gl [K] (lse), gg [K, K] (Gram), gs [K, N] (scores); each but gz may be
/// null. rho [K] = gz . z + sum_j (gg_kj + gg_jk) gram_kj is the caller's, by fovea_cuda_pool_rho. Dropped scores get
/// 0.
int fovea_cuda_pool_score_grad(const float* scores, const fovea::attention::kernels::ShiftedState* totals,
                               const float* x, const float* gz, const float* rho, const float* ge, const float* gl,
                               const float* gg, const float* gs, fovea::attention::kernels::KeepView keep,
                               std::int64_t branches, std::int64_t rows, std::int64_t width, float* ds, void* stream);
int fovea_cuda_pool_rho(const float* gz, const float* z, const float* gg, const float* gram, std::int64_t branches,
                        std::int64_t width, float* rho, void* stream);
/// dx [N, D] = a^T gz.
int fovea_cuda_pool_row_grad(const float* scores, const fovea::attention::kernels::ShiftedState* totals,
                             const float* gz, std::int64_t branches, std::int64_t rows, std::int64_t width, float* dx,
                             void* stream);
/// Recomputes v and u of `rows` rows and leaves hidden_grad [rows, 2H] = (dp, dr) (or [rows, H] ungated) and
/// hidden [rows, H] = v u. ds[k * stride + row].
int fovea_cuda_gate_hidden_grad(const float* x, std::int64_t rows, fovea::attention::kernels::GateView gate,
                                const float* ds, std::int64_t stride, float* hidden_grad, float* hidden, void* stream);
/// sums [K, C] (+)= weights [K, rows] matrix [rows, C]; weights[k * stride + row], null for ones. parts [S, K, C].
int fovea_cuda_weighted_sums(const float* weights, std::int64_t stride, const float* matrix, std::int64_t branches,
                             std::int64_t rows, std::int64_t columns, std::int64_t split, int accumulate, float* parts,
                             float* sums, void* stream);
/// dw [C, D] (+)= left^T right: left [rows, C], right [rows, D]; parts [S, C, D].
int fovea_cuda_weight_grad(const float* left, const float* right, std::int64_t rows, std::int64_t left_columns,
                           std::int64_t right_columns, std::int64_t split, int accumulate, float* parts, float* dw,
                           void* stream);
/// dx [rows, D] += hidden_grad [rows, C] stacked, stacked = wv over wu: the first `hidden` columns meet wv.
int fovea_cuda_gate_row_grad(const float* hidden_grad, std::int64_t rows, fovea::attention::kernels::GateView gate,
                             float* dx, void* stream);
}
