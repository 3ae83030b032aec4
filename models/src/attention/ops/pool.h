// Pooling behind attention.h: the reference, and the native CPU path in fixed splits.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <fovea/models/attention.h>

#include "attention/kernels/pool.h"
#include "attention/kernels/vector/table.h"
#include "attention/ops/row_product.h"
#include "attention/ops/workspace.h"

namespace fovea::attention::ops {

at::Tensor reference_scores(const at::Tensor& x, const GateWeights& weights);  ///< [K, N]
Pooled reference_score_pool(const at::Tensor& scores, const at::Tensor& x);
Pooled reference_gated_pool(const at::Tensor& x, const GateWeights& weights, const c10::optional<at::Tensor>& keep,
                            double fill);

/// Rows that the native path computes with: float64 as it is, everything narrower widened to float32 tile by tile.
at::ScalarType computing_type(const at::Tensor& x);
/// What a thread needs for one tile of rows.
struct TileSpace {
  Workspace rows, activations;
};

/// Rows [begin, end) of x as an aligned dense matrix of `type`: a view where x is that already, else a copy. A view
/// into a larger tensor could start at any address, and MKL's bits depend on it.
at::Tensor dense_rows(const at::Tensor& x, std::int64_t begin, std::int64_t end, at::ScalarType type, TileSpace& space);

/// Softmax states, weighted sums and Gram of some rows, in double. Merging has one order: that of the calls.
class PoolAccumulator {
 public:
  PoolAccumulator() = default;
  PoolAccumulator(std::int64_t branches, std::int64_t width, bool want_gram = true);
  /// Adds rows [n, D] with scores [K, n]: dense, both float32 or both float64.
  void add_rows(const at::Tensor& scores, const at::Tensor& rows);
  void add(const PoolAccumulator& split);
  /// `scores` [K, N] as collected by the caller; z in `type`, the rest in the scores' type.
  Pooled result(const at::Tensor& scores, at::ScalarType type) const;

 private:
  template <class T>
  void add_typed(const at::Tensor& scores, const at::Tensor& rows);

  std::int64_t branches_ = 0, width_ = 0;
  bool want_gram_ = true;
  std::vector<kernels::SoftmaxState<double>> states_;
  std::vector<double> sums_, gram_;
};

/// What one split leaves.
struct SplitResult {
  at::Tensor scores;  ///< [K, n]
  PoolAccumulator sum;
};
/// Rows [begin, end) of x, at most kSplit, with given scores [K, N]. Always one thread: the bits depend on the rows
/// alone.
SplitResult pool_split_scores(const at::Tensor& scores, const at::Tensor& x, std::int64_t begin, std::int64_t end,
                              TileSpace& space, bool want_gram = true);

/// Runs `make(begin, end, space)` for every split of `rows` on all threads and merges the results in index order, a
/// few at a time so that memory stays bounded.
template <class Make>
void accumulate_splits(std::int64_t rows, PoolAccumulator& sum, std::vector<at::Tensor>& scores, Make make) {
  constexpr std::int64_t kAtOnce = 64;
  const std::int64_t splits = (rows + kSplit - 1) / kSplit;
  for (std::int64_t first = 0; first < splits; first += kAtOnce) {
    std::vector<SplitResult> results(static_cast<std::size_t>(std::min(kAtOnce, splits - first)));
    at::parallel_for(0, static_cast<std::int64_t>(results.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      const at::NoGradGuard no_grad;
      TileSpace space;
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t row = (first + i) * kSplit;
        results[static_cast<std::size_t>(i)] = make(row, std::min(rows, row + kSplit), space);
      }
    });
    for (SplitResult& split : results) {
      sum.add(split.sum);
      scores.push_back(std::move(split.scores));
    }
  }
}

/// Gate weights laid out once for the native path: [Wv; Wu] one under the other, so that a product reads the rows once.
struct PackedGate {
  explicit PackedGate(const GateWeights& weights);
  kernels::GateShape shape() const { return {hidden, branches, gated}; }
  at::ScalarType type;      ///< of the computation
  at::Tensor gate, gate_b;  ///< [2H, D] (or [H, D]), [2H]
  at::Tensor w, b;          ///< [K, H], [K]
  at::Tensor half_gate;     ///< bf16 [2H, D] where the CPU multiplies bf16 in hardware tiles
  std::shared_ptr<const RowProduct> product;
  std::int64_t hidden = 0, branches = 0, width = 0;
  bool gated = true;
};

/// Scores that `keep` (bool [N] or [K, N]; undefined keeps all) drops are replaced by `fill`.
struct Keep {
  at::Tensor mask;
  double fill = 0;
};
/// Rows [begin, end) of x, at most kSplit; `keep` of all rows of x.
SplitResult pool_split(const at::Tensor& x, std::int64_t begin, std::int64_t end, const PackedGate& gate,
                       TileSpace& space, const Keep& keep = {});
/// Pre-activations x [Wv; Wu]^T of dense rows, without the bias.
void gate_product(const at::Tensor& rows, const at::Tensor& computed_rows, const PackedGate& gate,
                  const at::Tensor& out);

Pooled native_score_pool(const at::Tensor& scores, const at::Tensor& x, bool want_gram = true);
Pooled native_gated_pool(const at::Tensor& x, const GateWeights& weights, const Keep& keep);

/// Gradients of Pooled's members; undefined where nothing flows.
struct PooledGradients {
  at::Tensor z, scores, lse, entropy, gram;
};
struct ScorePoolGradients {
  at::Tensor scores, x;  ///< undefined when not wanted
};
/// `pooled` is the forward result. Gradients of `scores` include those that reach Pooled::scores directly.
ScorePoolGradients native_score_pool_backward(const PooledGradients& gradients, const Pooled& pooled,
                                              const at::Tensor& x, bool want_scores, bool want_x);
struct GatedPoolGradients {
  at::Tensor x, wv, bv, wu, bu, w, b;
};
/// Recomputes the gate split by split: beside x, the weights and `pooled`, memory does not grow with N H. The sum over
/// rows is made of fixed groups of splits, added in order: bits do not depend on the number of threads.
GatedPoolGradients native_gated_pool_backward(const PooledGradients& gradients, const Pooled& pooled,
                                              const at::Tensor& x, const GateWeights& weights, const Keep& keep,
                                              bool want_x);

}  // namespace fovea::attention::ops
