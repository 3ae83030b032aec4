// Numbers to show beside a heat map (reference/attention.md 5): how concentrated attention is, whether it could be,
// what agrees with it.
//
// Everything is computed in float64 on the inputs' device from float64 or float32 of any strides, and nothing is
// differentiable. Weights are those after softmax (weights_of); rows of zeros, a branch that may attend to nothing,
// give 0. NaN stays NaN. N = 0 is Error(kShape).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

#include <fovea/models/attention.h>

namespace fovea::attention {

// ---- Concentration (5.1)

struct Concentration {
  at::Tensor entropy;             ///< H = -sum a ln a, 0 ln 0 = 0
  at::Tensor effective_number;    ///< e^H: that many equally weighted instances have this entropy
  at::Tensor normalised_entropy;  ///< H / ln N; 0 for one instance
  at::Tensor topk_mass;           ///< sum of the min(k, N) largest
  at::Tensor largest;
  at::Tensor gini;  ///< sum_i (2i - N - 1) a_(i) / (N sum a), a_(i) ascending: 0 uniform, 1 - 1/N one instance
};
/// weights [.., N], scaled to sum 1 first (float32 rows only nearly do, sigmoid weights do not at all); every field is
/// [..].
Concentration concentration(const at::Tensor& weights, std::int64_t k = 10);

/// Dilution: an instance whose score exceeds those of the N - 1 others by `margin` has at most this weight,
/// 1 / (1 + (N - 1) e^-margin).
double weight_at_margin(std::int64_t instances, double margin);
/// The margin that weight `share` needs: ln((N - 1) share / (1 - share)); -inf for one instance. Error(kUsage) unless
/// 0 < share < 1.
double needed_margin(std::int64_t instances, double share = 0.5);
/// The margin that a tanh (gated or not) head can reach: 2 |w_k|_1 per branch, [K]. An instance cannot get more than
/// weight_at_margin(N, this), whatever it shows.
at::Tensor available_margin(const GateWeights& weights);

// ---- Sinks (5.2)

constexpr double kSinkScore = 0.3;
/// Mean over queries of the attention [.., Q, N] that a key receives: [.., N]. Causal: over queries i >= k only, what
/// later keys receive before counts as nothing; Error(kShape) unless Q = N.
at::Tensor sink_scores(const at::Tensor& attention, bool causal = false);
/// bool like scores, true above the threshold. For bags: give weights [K, N] themselves.
at::Tensor sinks(const at::Tensor& scores, double threshold = kSinkScore);
/// bool [N]: rows of hidden [N, C] whose |cosine| with row `primary` exceeds the threshold, `primary` itself excepted.
at::Tensor secondary_sinks(const at::Tensor& hidden, std::int64_t primary, double threshold = 0.9);

// ---- Agreement of two maps over the same instances (5.3); any shapes of equal size, else Error(kShape)

/// NaN where a map is constant: there is no correlation then.
double pearson(const at::Tensor& a, const at::Tensor& b);
/// Pearson of average_ranks.
double spearman(const at::Tensor& a, const at::Tensor& b);
/// Share of the min(k, N) strongest of one map among those of the other; ties to the lower index.
double topk_overlap(const at::Tensor& a, const at::Tensor& b, std::int64_t k);
/// Ranks 1..N ascending, flat, float64; equal values share the mean of theirs.
at::Tensor average_ranks(const at::Tensor& values);

struct Agreement {
  double pearson = 0, spearman = 0, topk_overlap = 0;
};
Agreement agreement(const at::Tensor& map, const at::Tensor& saliency, std::int64_t k = 10);

/// Probability of the class in question with only the instances of `keep`, bool [N], never all false. May throw to
/// cancel.
using ClassProbability = std::function<double(const at::Tensor& keep)>;
struct Curve {
  std::vector<double> share;  ///< of the instances that were removed (deletion) or put back (insertion), ascending
  std::vector<double> probability;
  double area = 0;  ///< trapezoids over the range of share, divided by it: a mean probability
};
/// Instances in descending order of map [N] (ties to the lower index) are removed from the whole bag until one is left,
/// or put back from the first until all are there, in at most `steps` steps. A map that explains the class falls early
/// and rises early. Error(kUsage) when the map holds NaN.
Curve deletion_curve(const at::Tensor& map, const ClassProbability& probability, std::int64_t steps = 20);
Curve insertion_curve(const at::Tensor& map, const ClassProbability& probability, std::int64_t steps = 20);

// ---- Ablation of a branch or modality (5.4)

struct Divergence {
  at::Tensor relative_l2;    ///< |f - a| / |f|: 0 when both are zero, inf when only f is. Norm confounds it: show both
  at::Tensor cosine_change;  ///< 1 - cos(f, a): 0 when both are zero, 1 when one is
};
/// One value per row of `full` and `ablated` [G, ..], the outputs of G gates or heads with and without the part.
Divergence ablation_divergence(const at::Tensor& full, const at::Tensor& ablated);

/// loss(z without branch k) - loss(z) per branch of z [K, D]: float64 [K] on the CPU. Error(kShape) for fewer than two
/// branches.
at::Tensor branch_loss_changes(const at::Tensor& z, const std::function<double(const at::Tensor& z)>& loss);

}  // namespace fovea::attention
