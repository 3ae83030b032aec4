// Backward of pooling (attention.md 3.1). The weights are computed again from the scores, and the gate from x: nothing
// of size N H is kept between the passes.
#include <algorithm>
#include <cmath>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "attention/ops/pool.h"

namespace fovea::attention::ops {
namespace {

std::int64_t splits_of(std::int64_t rows) {
  return (rows + kSplit - 1) / kSplit;
}

at::Tensor typed(const at::Tensor& gradient, at::ScalarType type) {
  return gradient.defined() ? gradient.to(type).contiguous() : gradient;
}

/// Softmax states of whole rows of scores. Not from lse: a float32 lse of magnitude 1e3 would cost four digits of a.
template <class T>
std::vector<kernels::SoftmaxState<double>> states_of(const at::Tensor& scores) {
  std::vector<kernels::SoftmaxState<double>> states;
  const std::int64_t n = scores.size(1);
  std::vector<T> unused(static_cast<std::size_t>(kSplit));
  for (std::int64_t k = 0; k < scores.size(0); ++k) {
    auto state = kernels::neutral_state<double>();
    const T* row = scores.const_data_ptr<T>() + k * n;
    for (std::int64_t first = 0; first < n; first += kSplit) {
      double own = 0, other = 0;
      const auto part = kernels::softmax_split_cpu(row + first, std::min(kSplit, n - first), unused.data());
      state = kernels::merged(state, part, own, other);
    }
    states.push_back(state);
  }
  return states;
}

/// Gradients of the scores, split by split.
template <class T>
class ScoreGradient {
 public:
  ScoreGradient(const PooledGradients& g, const Pooled& pooled)
      : scores_(pooled.scores.to(type_).contiguous()), states_(states_of<T>(scores_)), branches_(scores_.size(0)) {
    z_ = typed(g.z, type_), direct_ = typed(g.scores, type_), lse_ = typed(g.lse, type_);
    entropy_ = typed(g.entropy, type_);
    rho_ = at::zeros({branches_}, scores_.options());
    if (z_.defined()) rho_ = rho_ + (z_ * pooled.z.to(type_)).sum(1);
    if (g.gram.defined()) {
      gram_ = typed(g.gram + g.gram.t(), type_);
      rho_ = rho_ + (gram_ * pooled.gram.to(type_)).sum(1);
    }
  }

  const at::Tensor& of_z() const { return z_; }

  /// a [K, n] of rows [begin, end).
  at::Tensor weights(std::int64_t begin, std::int64_t end) const {
    const at::Tensor a = at::empty({branches_, end - begin}, scores_.options());
    const std::int64_t n = end - begin, stride = scores_.size(1);
    for (std::int64_t k = 0; k < branches_; ++k) {
      const auto& state = states_[static_cast<std::size_t>(k)];
      T* row = a.mutable_data_ptr<T>() + k * n;
      if (state.l == 0) {
        std::fill(row, row + n, T(0));
        continue;
      }
      kernels::pool_kernels<T>().exp_shifted(scores_.const_data_ptr<T>() + k * stride + begin, n,
                                             static_cast<T>(state.m), row);
      for (std::int64_t i = 0; i < n; ++i) row[i] = static_cast<T>(row[i] / state.l);
    }
    return a;
  }

  /// ds [K, n] of rows [begin, end), given their weights and features (dense, of type T).
  at::Tensor operator()(std::int64_t begin, std::int64_t end, const at::Tensor& a, const at::Tensor& rows) const {
    const std::int64_t n = end - begin;
    at::Tensor ds = at::zeros({branches_, n}, scores_.options());
    if (z_.defined())
      kernels::pool_kernels<T>().row_dots(z_.const_data_ptr<T>(), rows.const_data_ptr<T>(), n, rows.size(1), branches_,
                                          ds.mutable_data_ptr<T>(), n);
    if (gram_.defined()) ds = ds + at::mm(gram_, a);
    for (std::int64_t k = 0; k < branches_; ++k)
      finish_row(k, begin, n, a.const_data_ptr<T>() + k * n, ds.mutable_data_ptr<T>() + k * n);
    if (direct_.defined()) ds += direct_.slice(1, begin, end);
    return ds;
  }

 private:
  /// From dA to ds, for one branch.
  void finish_row(std::int64_t k, std::int64_t begin, std::int64_t n, const T* a, T* ds) const {
    const auto& state = states_[static_cast<std::size_t>(k)];
    const T* scores = scores_.const_data_ptr<T>() + k * scores_.size(1) + begin;
    const T rho = rho_.const_data_ptr<T>()[k], of_lse = lse_.defined() ? lse_.const_data_ptr<T>()[k] : T(0);
    const T of_entropy = entropy_.defined() ? entropy_.const_data_ptr<T>()[k] : T(0);
    const double lse = kernels::lse_of(state), entropy = kernels::entropy_of(state);
    for (std::int64_t i = 0; i < n; ++i) {
      T through = ds[i] - rho + of_lse;
      if (of_entropy != T(0) && a[i] != T(0))
        through -= of_entropy * static_cast<T>(static_cast<double>(scores[i]) - lse + entropy);
      ds[i] = a[i] == T(0) ? T(0) : a[i] * through;  // no gradient through a weight of 0, whatever its row holds
    }
  }

  static constexpr at::ScalarType type_ = sizeof(T) == sizeof(double) ? at::kDouble : at::kFloat;
  at::Tensor scores_;
  std::vector<kernels::SoftmaxState<double>> states_;
  std::int64_t branches_;
  at::Tensor z_, direct_, lse_, entropy_, gram_, rho_;
};

template <class Work>
void for_splits(std::int64_t first, std::int64_t last, std::int64_t rows, Work work) {
  for (std::int64_t split = first; split < last; ++split) work(split * kSplit, std::min(rows, (split + 1) * kSplit));
}

template <class T>
ScorePoolGradients score_pool_backward(const PooledGradients& gradients, const Pooled& pooled, const at::Tensor& x,
                                       bool want_scores, bool want_x) {
  const ScoreGradient<T> gradient(gradients, pooled);
  const at::ScalarType type = computing_type(pooled.scores);
  ScorePoolGradients result;
  if (want_scores) result.scores = at::empty_like(pooled.scores, pooled.scores.options(), at::MemoryFormat::Contiguous);
  if (want_x) result.x = at::zeros(x.sizes(), x.options());
  at::parallel_for(0, splits_of(x.size(0)), 1, [&](std::int64_t first, std::int64_t last) {
    const at::NoGradGuard no_grad;
    const OneThread one;
    TileSpace space;
    for_splits(first, last, x.size(0), [&](std::int64_t begin, std::int64_t end) {
      const at::Tensor a = gradient.weights(begin, end);
      if (want_x && gradient.of_z().defined()) result.x.slice(0, begin, end).copy_(at::mm(a.t(), gradient.of_z()));
      if (!want_scores) return;
      result.scores.slice(1, begin, end).copy_(gradient(begin, end, a, dense_rows(x, begin, end, type, space)));
    });
  });
  return result;
}

/// Sums over the rows of one group of splits.
struct GateSums {
  at::Tensor gate, gate_b, w, b;
};

/// Groups are what threads share; each holds a gradient of the gate weights. Their number depends on sizes alone.
std::int64_t groups_of(const PackedGate& gate, std::int64_t splits) {
  constexpr std::int64_t kBytes = 32 << 20, kLeast = 4, kMost = 64;
  const std::int64_t each = std::max<std::int64_t>(1, gate.gate.numel() * gate.gate.element_size());
  return std::min(splits, std::clamp(kBytes / each, kLeast, kMost));
}

template <class T>
class GatedBackward {
 public:
  GatedBackward(const PooledGradients& gradients, const Pooled& pooled, const at::Tensor& x, const GateWeights& weights,
                const Keep& keep, bool want_x)
      : x_(x), gate_(weights), keep_(keep), gradient_(gradients, pooled) {
    if (want_x) dx_ = at::empty(x.sizes(), x.options());
  }

  GateSums run() {
    const std::int64_t splits = splits_of(x_.size(0)), groups = groups_of(gate_, splits);
    std::vector<GateSums> parts(static_cast<std::size_t>(groups));
    at::parallel_for(0, groups, 1, [&](std::int64_t first, std::int64_t last) {
      const at::NoGradGuard no_grad;
      const OneThread one;
      for (std::int64_t group = first; group < last; ++group)
        parts[static_cast<std::size_t>(group)] = group_sums(group * splits / groups, (group + 1) * splits / groups);
    });
    GateSums sum = parts.front();
    for (std::size_t i = 1; i < parts.size(); ++i)
      sum.gate += parts[i].gate, sum.gate_b += parts[i].gate_b, sum.w += parts[i].w, sum.b += parts[i].b;
    return sum;
  }
  const at::Tensor& dx() const { return dx_; }

 private:
  GateSums group_sums(std::int64_t first, std::int64_t last) const {
    GateSums sum{at::zeros_like(gate_.gate), at::zeros_like(gate_.gate_b), at::zeros_like(gate_.w),
                 at::zeros_like(gate_.b)};
    TileSpace space;
    for_splits(first, last, x_.size(0),
               [&](std::int64_t begin, std::int64_t end) { add_split(begin, end, space, sum); });
    return sum;
  }

  void add_split(std::int64_t begin, std::int64_t end, TileSpace& space, GateSums& sum) const {
    const at::Tensor rows = dense_rows(x_, begin, end, gate_.type, space), a = gradient_.weights(begin, end);
    const at::Tensor pre = space.activations.matrix(end - begin, gate_.product->columns(), gate_.type);
    at::Tensor ds = gradient_(begin, end, a, rows);
    if (keep_.mask.defined()) ds.masked_fill_(keep_.mask.slice(-1, begin, end).logical_not(), 0.0);
    gate_product(x_.slice(0, begin, end), rows, gate_, pre);
    kernels::pool_kernels<T>().gate_backward(pre.mutable_data_ptr<T>(), end - begin, gate_.shape(),
                                             gate_.gate_b.const_data_ptr<T>(), gate_.w.const_data_ptr<T>(),
                                             ds.const_data_ptr<T>(), end - begin, sum.w.mutable_data_ptr<T>(),
                                             sum.gate_b.mutable_data_ptr<T>());
    sum.gate.addmm_(pre.t(), rows);
    sum.b += ds.sum(1);
    if (!dx_.defined()) return;
    at::Tensor dx = at::mm(pre, gate_.gate);
    if (gradient_.of_z().defined()) dx.addmm_(a.t(), gradient_.of_z());
    dx_.slice(0, begin, end).copy_(dx);
  }

  at::Tensor x_;
  PackedGate gate_;
  Keep keep_;
  ScoreGradient<T> gradient_;
  at::Tensor dx_;
};

template <class T>
GatedPoolGradients gated_pool_backward(const PooledGradients& gradients, const Pooled& pooled, const at::Tensor& x,
                                       const GateWeights& weights, const Keep& keep, bool want_x) {
  GatedBackward<T> backward(gradients, pooled, x, weights, keep, want_x);
  const GateSums sum = backward.run();
  const std::int64_t hidden = weights.wv.size(0);
  const at::ScalarType type = weights.wv.scalar_type();
  GatedPoolGradients result;
  result.x = backward.dx();
  // Copies: gradients that share storage must not leave an operator.
  const auto part = [&](const at::Tensor& both, std::int64_t from) {
    return both.slice(0, from, from + hidden).clone().to(type);
  };
  result.wv = part(sum.gate, 0), result.bv = part(sum.gate_b, 0);
  if (weights.wu.defined()) result.wu = part(sum.gate, hidden), result.bu = part(sum.gate_b, hidden);
  result.w = sum.w.to(type), result.b = sum.b.to(type);
  return result;
}

}  // namespace

ScorePoolGradients native_score_pool_backward(const PooledGradients& gradients, const Pooled& pooled,
                                              const at::Tensor& x, bool want_scores, bool want_x) {
  const at::NoGradGuard no_grad;
  return computing_type(pooled.scores) == at::kDouble
             ? score_pool_backward<double>(gradients, pooled, x, want_scores, want_x)
             : score_pool_backward<float>(gradients, pooled, x, want_scores, want_x);
}

GatedPoolGradients native_gated_pool_backward(const PooledGradients& gradients, const Pooled& pooled,
                                              const at::Tensor& x, const GateWeights& weights, const Keep& keep,
                                              bool want_x) {
  const at::NoGradGuard no_grad;
  return computing_type(x) == at::kDouble ? gated_pool_backward<double>(gradients, pooled, x, weights, keep, want_x)
                                          : gated_pool_backward<float>(gradients, pooled, x, weights, keep, want_x);
}

}  // namespace fovea::attention::ops
