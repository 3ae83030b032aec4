// gated_pool, score_pool and the stream: which path runs, and the order of splits.
#include <fovea/models/attention.h>

#include <algorithm>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/softmax.h>

#include <fovea/base/error.h>

#include "attention/minus_infinity.h"
#include "attention/ops/cuda_pool.h"
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

void check_types(const at::Tensor& x, const at::Tensor& other) {
  if (!x.is_floating_point() || (x.scalar_type() == at::kDouble) != (other.scalar_type() == at::kDouble))
    throw Error(ErrorCode::kShape, "attention pooling",
                std::string("rows of type ") + x.dtype().name().data() + " do not go with weights or scores of type " +
                    other.dtype().name().data(),
                "Give both in double precision, or neither.");
}

void check_keep(const c10::optional<at::Tensor>& keep, std::int64_t branches, std::int64_t rows) {
  if (!keep) return;
  const bool fits = keep->scalar_type() == at::kBool && keep->dim() >= 1 && keep->dim() <= 2 &&
                    keep->size(-1) == rows && (keep->dim() == 1 || keep->size(0) == branches || keep->size(0) == 1);
  if (!fits)
    throw Error(ErrorCode::kShape, "attention pooling", "the mask is no bool tensor of one entry a row",
                "Give [rows] or [branches, rows].");
}

}  // namespace

Pooled ops::run_score_pool(const at::Tensor& scores, const at::Tensor& x) {
  check_rows(x, x.dim() == 2 ? x.size(1) : 0);
  if (scores.dim() != 2 || scores.size(1) != x.size(0))
    throw Error(ErrorCode::kShape, "attention pooling", "scores and rows disagree in number",
                "Give one score per branch and row.");
  if (x.size(0) == 0) empty_bag();
  check_types(x, scores);
  if (ops::by_definition({x, scores})) return ops::reference_score_pool(scores, x);
  return x.is_cpu() ? ops::native_score_pool(scores, x) : ops::cuda_score_pool(scores, x);
}

Pooled ops::run_gated_pool(const at::Tensor& x, const GateWeights& weights, const c10::optional<at::Tensor>& keep,
                           double fill) {
  check_rows(x, weights.wv.size(1));
  if (x.size(0) == 0) empty_bag();
  check_types(x, weights.wv);
  check_keep(keep, weights.w.size(0), x.size(0));
  if (ops::by_definition({x, weights.wv, weights.bv, weights.wu, weights.bu, weights.w, weights.b}))
    return ops::reference_gated_pool(x, weights, keep, fill);
  const ops::Keep kept{keep ? *keep : at::Tensor(), fill};
  return x.is_cpu() ? ops::native_gated_pool(x, weights, kept) : ops::cuda_gated_pool(x, weights, kept);
}

at::Tensor weights_of(const at::Tensor& scores) {
  const at::Tensor empty = scores.eq(kMinusInfinity).all(1, true);
  return at::softmax(scores.masked_fill(empty, 0.0), 1).masked_fill(empty, 0.0);
}

namespace {

class Stream final : public GatedPoolStream {
 public:
  Stream(const GateWeights& weights, std::function<at::Tensor(const at::Tensor&)> transform)
      : gate_(weights), transform_(std::move(transform)), sum_(gate_.branches, gate_.width) {}

  void push(const at::Tensor& rows) override {
    const at::NoGradGuard no_grad;
    if (rows.dim() != 2) check_rows(rows, -1);
    if (!buffer_.defined()) buffer_ = at::empty({kSplit, rows.size(1)}, rows.options());
    check_rows(rows, buffer_.size(1));
    const std::int64_t taken = buffered_ > 0 ? fill(rows, 0) : 0, whole = (rows.size(0) - taken) / kSplit;
    ops::accumulate_splits(whole * kSplit, sum_, scores_,
                           [&](std::int64_t begin, std::int64_t end, ops::TileSpace& space) {
                             return process(rows, taken + begin, taken + end, space);
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
      ops::TileSpace space;
      const ops::SplitResult last = process(buffer_, 0, buffered_, space);
      sum.add(last.sum);
      scores.push_back(last.scores);
    }
    return sum.result(at::cat(scores, 1), buffer_.scalar_type());
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
    const ops::SplitResult split = process(buffer_, 0, kSplit, space_);
    sum_.add(split.sum);
    scores_.push_back(split.scores);
    buffered_ = 0;
    return count;
  }
  ops::SplitResult process(const at::Tensor& rows, std::int64_t begin, std::int64_t end, ops::TileSpace& space) const {
    const ops::OneThread one;
    if (!transform_) return ops::pool_split(rows, begin, end, gate_, space);
    const at::Tensor transformed = transform_(ops::dense_rows(rows, begin, end, rows.scalar_type(), space));
    return ops::pool_split(transformed, 0, end - begin, gate_, space);
  }

  ops::PackedGate gate_;
  std::function<at::Tensor(const at::Tensor&)> transform_;
  ops::PoolAccumulator sum_;
  std::vector<at::Tensor> scores_;
  at::Tensor buffer_;
  ops::TileSpace space_;
  std::int64_t buffered_ = 0, rows_ = 0;
};

}  // namespace

std::unique_ptr<GatedPoolStream> make_gated_pool_stream(const GateWeights& weights,
                                                        std::function<at::Tensor(const at::Tensor&)> transform) {
  return std::make_unique<Stream>(weights, std::move(transform));
}

}  // namespace fovea::attention
