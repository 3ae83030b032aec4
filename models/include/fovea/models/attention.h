// The attention kernel layer: the only place of Fovea where a softmax meets a value. Networks call these functions,
// nothing else. Definitions: reference/attention.md (section numbers below). Row-vector convention: y = x W^T + b, W
// stored [out, in].
//
// Precision: inputs float64, float32, bf16; float16 rows are read too (features on disk), never computed with. Scores,
// running maxima, sums and accumulators are float32, or float64 when the inputs are; z has the type of x. Determinism:
// reductions over N use fixed splits of kSplit rows merged in index order, so a result is bit-identical for any
// chunking, any thread count and repeated runs. Edges: N = 0 is Error(kShape). A fully masked row gives z = 0, lse =
// -inf, entropy 0 and zero gradient. NaN scores give NaN. FOVEA_ATTENTION_BACKEND=reference forces the plain tensor
// composition, to bisect a wrong answer.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>

namespace fovea::attention {

constexpr std::int64_t kSplit = 1024;  ///< rows per split; part of the result's definition, do not tune per machine

/// kReference: the plain composition, forward and backward. kCpu, kCuda: Error(kDevice) where that path cannot run.
enum class Backend { kAuto, kReference, kCpu, kCuda };
void set_backend(Backend backend);  ///< process-wide; also from the environment variable
Backend backend();
Backend parse_backend(std::string_view name);  ///< "auto", "reference", "cpu", "cuda"

/// Weights of gated attention scores (Ilse et al. 2018; attention.md 3.1). Ungated when wu is undefined.
struct GateWeights {
  at::Tensor wv, bv;  ///< [H, D], [H]   tanh path
  at::Tensor wu, bu;  ///< [H, D], [H]   sigmoid path, may be undefined
  at::Tensor w, b;    ///< [K, H], [K]
};

struct Pooled {
  at::Tensor z;        ///< [K, D]  softmax-weighted means of the rows of x
  at::Tensor scores;   ///< [K, N]  before softmax (after masking)
  at::Tensor lse;      ///< [K]     log-sum-exp; weights are exp(scores - lse)
  at::Tensor entropy;  ///< [K]     -sum a ln a
  at::Tensor gram;     ///< [K, K]  a a^T: AEM's and ACMIL's terms are functions of these (attention_terms.h)
};

/// s = ((tanh(x Wv^T + bv) * sigmoid(x Wu^T + bu)) w^T + b)^T, a = softmax_N(s), z = a x. x: [N, D]. Differentiable in
/// everything but masks. `keep`: optional bool [N] or [K, N], true = may be attended; scores that it drops are replaced
/// by `fill`: -inf, or -1e9 for STKIM's finite masking (attention.md 3.2). Training holds x, the weights and K*N
/// scores: the gate is computed again in the backward pass.
Pooled gated_pool(const at::Tensor& x, const GateWeights& weights, const c10::optional<at::Tensor>& keep = {},
                  double fill = -std::numeric_limits<double>::infinity());

/// Pooling with given scores [K, N] over x [N, D]. Differentiable in both.
Pooled score_pool(const at::Tensor& scores, const at::Tensor& x);

/// softmax over N of scores [K, N]: weights for heat maps and losses; rows of -inf alone give 0. Differentiable. Not
/// exp(scores - lse): a float32 lse of magnitude 1e3 would cost four digits.
at::Tensor weights_of(const at::Tensor& scores);

/// The streaming primitive (3.3): push rows of a bag as they arrive, in order, in pieces of any size. Holds one split
/// of rows plus K*N scores, never the bag. Not differentiable.
class GatedPoolStream {
 public:
  virtual ~GatedPoolStream() = default;
  virtual void push(const at::Tensor& rows) = 0;  ///< [n, D]
  virtual std::int64_t rows() const = 0;          ///< rows pushed so far
  virtual Pooled snapshot() const = 0;            ///< result of the rows pushed so far; does not disturb the stream
  virtual Pooled finish() = 0;                    ///< Error(kShape) when no row was pushed
};
/// `transform`, when set, maps a split of raw rows to the rows that are scored and pooled (ACMIL's dimension
/// reduction).
std::unique_ptr<GatedPoolStream> make_gated_pool_stream(const GateWeights& weights,
                                                        std::function<at::Tensor(const at::Tensor&)> transform = {});

/// Attention gate (3.8). x: [B, Cx, spatial...], g: [B, Cg, spatial...] on the same grid (coarser ones: GateGrid); any
/// number of spatial dims (2 or 3).
///   concat (AGUNet):  alpha = sigmoid(w_psi . relu([Wg g + bg, Wx x + bx]) + b_psi)
///   add (Attention U-Net): alpha = sigmoid(w_psi . relu(Wg g + bg + Wx x + bx) + b_psi)
/// Batch norms are folded into the weights by the caller. out = alpha * x.
enum class GateCombine { kConcat, kAdd };
struct AttentionGateWeights {
  at::Tensor wg, bg;      ///< [F, Cg], [F]
  at::Tensor wx, bx;      ///< [F, Cx], [F]
  at::Tensor wpsi, bpsi;  ///< concat: [2F] (g part first); add: [F];  [1]
};
struct Gated {
  at::Tensor out;    ///< like x
  at::Tensor alpha;  ///< [B, 1, spatial...]; undefined when not asked for
};
/// Grids of a gate whose gating signal is coarser than the skip connection, 2 or 3 spatial dims. Alpha is computed on
/// the grid of Wx x and resampled to x's after the sigmoid; all resampling is (bi-, tri-)linear, align_corners false.
struct GateGrid {
  /// Of Wx x, one an axis or one for all, empty = 1; n voxels become ceil(n / stride).
  std::vector<std::int64_t> theta_stride;
  bool upsample_g = false;  ///< Wg g + bg is resampled to the grid of Wx x; otherwise g has to lie on it already
};
/// Differentiable in g, x and all weights. Without a graph, voxels go in blocks and no intermediate of x's size exists,
/// except where g is upsampled. Error(kShape) for grids or widths that do not fit and for grids without a voxel.
Gated attention_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& weights, GateCombine combine,
                     bool return_alpha = false, const GateGrid& grid = {});

/// out = x * sigmoid(logits), for training with batch norm between the pieces: the last step of a gate. Logits on a
/// coarser grid than x's are resampled after the sigmoid, as above. Differentiable.
Gated apply_gate(const at::Tensor& x, const at::Tensor& logits);

}  // namespace fovea::attention
