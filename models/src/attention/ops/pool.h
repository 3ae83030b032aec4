// Pooling behind attention.h: the reference, and the native CPU path in fixed splits.
#pragma once

#include <vector>

#include <fovea/models/attention.h>

#include "attention/kernels/pool.h"

namespace fovea::attention::ops {

at::Tensor reference_scores(const at::Tensor& x, const GateWeights& weights);  ///< [K, N]
Pooled reference_score_pool(const at::Tensor& scores, const at::Tensor& x);

/// Gate weights laid out once for the native path: [Wv; Wu] concatenated, so that a split's rows are read by one
/// product.
struct PackedGate {
  explicit PackedGate(const GateWeights& weights);
  at::Tensor gate_t, gate_b;  ///< [D, 2H] (or [D, H]), [2H]
  at::Tensor w_t, b;          ///< [H, K], [K]
  std::int64_t hidden = 0, branches = 0, width = 0;
  bool gated = true;
};

/// What one split leaves: scores [K, n], softmax state and weighted sum [K, D] of its rows.
struct SplitResult {
  at::Tensor scores, sums;
  std::vector<kernels::SoftmaxState<double>> states;
};
/// `rows` [n <= kSplit, D]. Always one thread, always from an aligned contiguous copy: the bits depend on the rows
/// alone.
SplitResult pool_split(const at::Tensor& rows, const PackedGate& gate);
SplitResult pool_split_scores(const at::Tensor& scores, const at::Tensor& rows);

/// Merged in index order, in double.
class PoolAccumulator {
 public:
  PoolAccumulator(std::int64_t branches, std::int64_t width);
  void add(const SplitResult& split);
  /// `scores` [K, N] as collected by the caller; result in `like`'s type.
  Pooled result(const at::Tensor& scores) const;

 private:
  std::int64_t branches_, width_;
  std::vector<kernels::SoftmaxState<double>> states_;
  std::vector<double> sums_;
};

/// While alive, matrix products of this thread use one thread: MKL's sums depend on how many share them.
class OneThread {
 public:
  OneThread();
  ~OneThread();

 private:
  int before_;
};

Pooled cuda_gated_pool(const at::Tensor& x,
                       const GateWeights& weights);  ///< device_paths.cc; the reference when the library is absent

}  // namespace fovea::attention::ops
