// Training terms on attention (reference/attention.md 3.2, 3.11, 3.12 and 4; reference/mil.md 2 to 4). Part of the
// attention layer (attention.h), whose conventions hold: row vectors, y = x W^T + b with W stored [out, in].
//
// Types: float64 and float32, any strides. Everything is differentiable in scores, rows and parameters unless said
// otherwise. Edges: N = 0 is Error(kShape). Scores of -inf have weight 0; rows of -inf alone give 0 and zero gradient.
// NaN stays NaN. Randomness is always an input: noise, a direction, or a seed that gives the same numbers with every
// library and machine.
#pragma once

#include <cstdint>
#include <functional>

#include <ATen/core/Tensor.h>

namespace fovea::attention {

// ---- Stochastic top-k instance masking, STKIM (3.2)

struct StkimOptions {
  std::int64_t n_masked = 10;  ///< m: the strongest instances that may be dropped
  double mask_drop = 0.6;      ///< share of them that is; the authors note that 0 sometimes works better
};
struct Stkim {
  at::Tensor topk;  ///< int64 [.., k], k = min(m, N): the largest scores in descending order, ties to the lower index
  at::Tensor dropped;  ///< int64 [.., q]: instances that were masked
  at::Tensor scores;   ///< [.., N]: the given scores with kStkimScore at `dropped`; no gradient flows there
};
/// Finite on purpose: a row that is dropped as a whole becomes uniform instead of empty. Overflows float16.
constexpr double kStkimScore = -1e9;

/// q = floor(k mask_drop). 0 although both options are positive (N = 1, small m) means that nothing is masked: worth a
/// warning.
std::int64_t stkim_drops(std::int64_t instances, const StkimOptions& options);
/// float64 [.., k] in [0, 1) for scores [.., N].
at::Tensor stkim_noise(const at::Tensor& scores, const StkimOptions& options, std::uint64_t seed);
/// Drops those of the k largest scores [.., N] whose noise [.., k] is among the q smallest. Scores of -inf and NaN keep
/// their value. Training only. Error(kUsage) when mask_drop is outside [0, 1] or n_masked is negative.
Stkim stkim(const at::Tensor& scores, const at::Tensor& noise, const StkimOptions& options = {});

/// Drops floor(share N) instances, chosen uniformly, before scores are computed (4.5): bool [N], true = keep, for
/// gated_pool. Error(kUsage) when share is outside [0, 1).
at::Tensor keep_instances(std::int64_t instances, double share, std::uint64_t seed);

// ---- Entropy, AEM (4.1; mil.md 4)

struct EntropyOptions {
  std::int64_t top_k = 0;  ///< > 0: only the k largest scores compete (softmax over them alone)
  bool normalise = false;  ///< divide by ln of the number that competes, so that uniform is -1; one instance gives 0
};
/// sum a ln a over the last dimension of scores [.., N], a = softmax(scores): [..], in [-ln N, 0]. The training term is
/// weight * mean. Unlike Pooled::entropy it stays exact when all scores share a large offset.
at::Tensor negative_entropy(const at::Tensor& scores, const EntropyOptions& options = {});

/// Cosine annealing of a term's weight: start (1 + cos(pi t / T)) / 2, t in fractional epochs, held at its ends outside
/// [0, T]. Error(kUsage) unless T > 0.
double annealed_weight(double start, double time, double total);

// ---- Diversity of branches, ACMIL (4.2)

/// Mean over pairs of branches of cos(a_i, a_j) for weights [.., K, N], averaged over leading dimensions: a scalar in
/// [0, 1]. From the Gram matrix [K, K]: no second pass over N per pair. Norms are at least 1e-8; rows of zeros count as
/// orthogonal to all and take no gradient. One branch gives 0.
at::Tensor diversity(const at::Tensor& weights);

// ---- Adversarial attention (4.4): perturbations of the attention logits. The bag encoder does not run again.

using PooledLoss = std::function<at::Tensor(const at::Tensor& z)>;  ///< z [K, D] to a scalar
using PooledHead = std::function<at::Tensor(const at::Tensor& z)>;  ///< z [K, D] to logits [.., C] in z's type
/// Logits [1, C] of the mean over branches, W [C, D], b [C] or undefined; parameters are converted to z's type.
PooledHead mean_head(const at::Tensor& weight, const at::Tensor& bias);

struct Adversarial {
  at::Tensor loss;          ///< scalar; differentiable in scores, rows and head, the perturbation counting as constant
  at::Tensor perturbation;  ///< r [K, N], of length eps per row; 0 where the gradient vanishes
  at::Tensor gradient;      ///< g [K, N] that gave it
};
/// AT: g = dL/ds, r = eps g / |g| per branch, loss L(s + r). The sum L(s) + lambda loss is the caller's. scores [K, N],
/// x [N, D].
Adversarial adversarial_attention(const at::Tensor& scores, const at::Tensor& x, const PooledLoss& loss, double eps);

struct VirtualOptions {
  double eps = 0.5;  ///< length of the perturbation
  double xi = 1e-3;  ///< length of the probe
};
/// VAT, without labels: d = direction scaled to length xi per branch, g = gradient of KL(p(s) | p(s + d)) with respect
/// to d, r = eps g / |g|, loss KL(p(s) | p(s + r)), p(s) constant. The probe runs in float64 whatever the inputs
/// (float32 loses the direction), which takes a float64 copy of x.
Adversarial virtual_adversarial_attention(const at::Tensor& scores, const at::Tensor& x, const PooledHead& head,
                                          const at::Tensor& direction, const VirtualOptions& options = {});
/// Independent standard normals, float64, shaped like scores.
at::Tensor random_direction(const at::Tensor& scores, std::uint64_t seed);

// ---- Mixture of heads (3.12)

struct HeadRouter {
  at::Tensor routed;       ///< Wg [R, C]
  at::Tensor shared;       ///< Ws [S, C]; undefined: every head is routed and `balance` is not used
  at::Tensor balance;      ///< W2 [2, C]: shared against routed heads
  std::int64_t top_k = 2;  ///< routed heads per token, ties to the lower index
};
struct HeadGates {
  at::Tensor gates;   ///< [N, S + R], shared heads first: softmax(Ws x) S b_0, and p over the chosen scaled to sum k,
                      ///< times b_1; b = 2 softmax(W2 x)
  at::Tensor chosen;  ///< bool [N, R]
  at::Tensor balance_loss;  ///< R^2 mean_e(mean_i p_ie mean_i chosen_ie), not weighted; 0.01 is the authors' weight
};
HeadGates head_gates(const at::Tensor& x, const HeadRouter& router);
constexpr double kHeadBalanceWeight = 0.01;
/// Head outputs [N, H, d] times their gates [N, H], before the output projection.
at::Tensor gated_heads(const at::Tensor& heads, const at::Tensor& gates);

// ---- Gaussian adaptive attention (3.11)

struct GaussianAttention {
  at::Tensor out;      ///< x * weights
  at::Tensor weights;  ///< like x
};
/// Along `dim` with mean mu and unbiased variance v: prod_g exp(-(x - mu - o_g)^2 / (2 c_g^2 (v + eps))) / sqrt(2 pi
/// c_g^2), divided by its sum (at least eps). A product, not a mixture. widths c and offsets o: [G]. Error(kShape) when
/// `dim` has fewer than two entries.
GaussianAttention gaussian_adaptive(const at::Tensor& x, const at::Tensor& widths, const at::Tensor& offsets,
                                    std::int64_t dim, double eps = 1e-8);

}  // namespace fovea::attention
