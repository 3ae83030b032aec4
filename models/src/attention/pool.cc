// gated_pool, score_pool and the stream: which path runs, and the order of splits.
#include <fovea/models/attention.h>

#include <algorithm>
#include <limits>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/softmax.h>

#include <fovea/base/error.h>

#include "attention/ops/path.h"
#include "attention/ops/pool.h"
#include "attention/ops/run.h"

namespace fovea::attention {
namespace {

void check_rows(const at::Tensor& x, std::int64_t width) {
  if (x.dim() != 2 || x.size(1) != width)
    throw Error(ErrorCode::kShape, "attention pooling",
                "rows of width " + std::to_string(x.dim() == 2 ? x.size(1) : -1) + " were given where " +
                    std::to_string(width) + " is expected",
                "Use features of the encoder that the model was trained with.");
}

[[noreturn]] void empty_bag() {
  throw Error(ErrorCode::kShape, "attention pooling", "the bag holds no instance",
              "Check the tissue mask or the feature file.");
}

/// An aligned contiguous copy of its own: a view into a larger tensor could start at any address.
at::Tensor aligned_rows(const at::Tensor& x, std::int64_t begin, std::int64_t end) {
  return x.slice(0, begin, end).clone(at::MemoryFormat::Contiguous);
}

}  // namespace

namespace ops {

/// Runs `make(i)` for every split on all threads and adds the results in index order, a few at a time so that memory
/// stays bounded.
template <class Make>
void accumulate_splits(std::int64_t splits, PoolAccumulator& sum, std::vector<at::Tensor>& scores, Make make) {
  constexpr std::int64_t kAtOnce = 64;
  for (std::int64_t first = 0; first < splits; first += kAtOnce) {
    const std::int64_t count = std::min(kAtOnce, splits - first);
    std::vector<SplitResult> results(static_cast<std::size_t>(count));
    at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
      const at::NoGradGuard no_grad;
      for (std::int64_t i = begin; i < end; ++i) results[static_cast<std::size_t>(i)] = make(first + i);
    });
    for (SplitResult& split : results) {
      sum.add(split);
      scores.push_back(std::move(split.scores));
    }
  }
}

std::int64_t splits_of(std::int64_t rows) {
  return (rows + kSplit - 1) / kSplit;
}

}  // namespace ops

Pooled ops::run_score_pool(const at::Tensor& scores, const at::Tensor& x) {
  check_rows(x, x.dim() == 2 ? x.size(1) : 0);
  if (scores.dim() != 2 || scores.size(1) != x.size(0))
    throw Error(ErrorCode::kShape, "attention pooling", "scores and rows disagree in number",
                "Give one score per branch and row.");
  if (x.size(0) == 0) empty_bag();
  if (backend() == Backend::kReference || !x.is_cpu() || ops::needs_graph({scores, x}))
    return ops::reference_score_pool(scores, x);
  const at::NoGradGuard no_grad;
  ops::PoolAccumulator sum(scores.size(0), x.size(1));
  std::vector<at::Tensor> unused;
  ops::accumulate_splits(ops::splits_of(x.size(0)), sum, unused, [&](std::int64_t i) {
    const std::int64_t end = std::min(x.size(0), (i + 1) * kSplit);
    return ops::pool_split_scores(scores.slice(1, i * kSplit, end).clone(at::MemoryFormat::Contiguous),
                                  aligned_rows(x, i * kSplit, end));
  });
  return sum.result(scores);
}

Pooled ops::run_gated_pool(const at::Tensor& x, const GateWeights& weights, const c10::optional<at::Tensor>& keep) {
  check_rows(x, weights.wv.size(1));
  if (x.size(0) == 0) empty_bag();
  const bool graph = ops::needs_graph({x, weights.wv, weights.bv, weights.wu, weights.bu, weights.w, weights.b});
  if (keep || graph || backend() == Backend::kReference) {
    at::Tensor scores = ops::reference_scores(x, weights);
    if (keep) scores = scores.masked_fill(keep->logical_not(), -std::numeric_limits<double>::infinity());
    return graph || backend() == Backend::kReference ? ops::reference_score_pool(scores, x) : score_pool(scores, x);
  }
  if (!x.is_cpu()) return ops::cuda_gated_pool(x, weights);
  const at::NoGradGuard no_grad;
  const ops::PackedGate gate(weights);
  ops::PoolAccumulator sum(gate.branches, gate.width);
  std::vector<at::Tensor> scores;
  ops::accumulate_splits(ops::splits_of(x.size(0)), sum, scores, [&](std::int64_t i) {
    return ops::pool_split(aligned_rows(x, i * kSplit, std::min(x.size(0), (i + 1) * kSplit)), gate);
  });
  return sum.result(at::cat(scores, 1));
}

at::Tensor weights_of(const at::Tensor& scores) {
  const at::Tensor empty = scores.eq(-std::numeric_limits<double>::infinity()).all(1, true);
  return at::softmax(scores.masked_fill(empty, 0.0), 1).masked_fill(empty, 0.0);
}

namespace {

class Stream final : public GatedPoolStream {
 public:
  Stream(const GateWeights& weights, std::function<at::Tensor(const at::Tensor&)> transform)
      : weights_(weights), gate_(weights), transform_(std::move(transform)), sum_(gate_.branches, gate_.width) {}

  void push(const at::Tensor& rows) override {
    const at::NoGradGuard no_grad;
    if (rows.dim() != 2) check_rows(rows, -1);
    if (!buffer_.defined()) buffer_ = at::empty({kSplit, rows.size(1)}, rows.options());
    check_rows(rows, buffer_.size(1));
    std::int64_t taken = 0;
    if (buffered_ > 0) taken = fill(rows, 0);
    const std::int64_t whole = (rows.size(0) - taken) / kSplit;
    ops::accumulate_splits(whole, sum_, scores_, [&](std::int64_t i) {
      return process(aligned_rows(rows, taken + i * kSplit, taken + (i + 1) * kSplit));
    });
    fill(rows, taken + whole * kSplit);
    rows_ += rows.size(0);
  }
  std::int64_t rows() const override { return rows_; }

  Pooled snapshot() const override {
    const at::NoGradGuard no_grad;
    if (rows_ == 0) empty_bag();
    ops::PoolAccumulator sum = sum_;
    std::vector<at::Tensor> scores = scores_;
    if (buffered_ > 0) {
      const ops::SplitResult last = process(buffer_.slice(0, 0, buffered_).clone());
      sum.add(last);
      scores.push_back(last.scores);
    }
    return sum.result(at::cat(scores, 1));
  }
  Pooled finish() override { return snapshot(); }

 private:
  /// Copies rows from `from` on into the buffer until it is full; a full buffer is a split. Returns the rows taken.
  std::int64_t fill(const at::Tensor& rows, std::int64_t from) {
    const std::int64_t count = std::min(kSplit - buffered_, rows.size(0) - from);
    if (count <= 0) return 0;
    buffer_.slice(0, buffered_, buffered_ + count).copy_(rows.slice(0, from, from + count));
    buffered_ += count;
    if (buffered_ < kSplit) return count;
    const ops::SplitResult split = process(buffer_.clone());
    sum_.add(split);
    scores_.push_back(split.scores);
    buffered_ = 0;
    return count;
  }
  ops::SplitResult process(const at::Tensor& rows) const {
    const ops::OneThread one;
    return ops::pool_split(transform_ ? transform_(rows).contiguous() : rows, gate_);
  }

  GateWeights weights_;
  ops::PackedGate gate_;
  std::function<at::Tensor(const at::Tensor&)> transform_;
  ops::PoolAccumulator sum_;
  std::vector<at::Tensor> scores_;
  at::Tensor buffer_;
  std::int64_t buffered_ = 0, rows_ = 0;
};

}  // namespace

std::unique_ptr<GatedPoolStream> make_gated_pool_stream(const GateWeights& weights,
                                                        std::function<at::Tensor(const at::Tensor&)> transform) {
  return std::make_unique<Stream>(weights, std::move(transform));
}

}  // namespace fovea::attention
