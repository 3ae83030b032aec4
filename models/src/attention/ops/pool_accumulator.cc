#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "attention/ops/pool.h"

namespace fovea::attention::ops {
namespace {

std::size_t index(std::int64_t value) {
  return static_cast<std::size_t>(value);
}

}  // namespace

PoolAccumulator::PoolAccumulator(std::int64_t branches, std::int64_t width, bool want_gram)
    : branches_(branches),
      width_(width),
      want_gram_(want_gram),
      states_(index(branches), kernels::neutral_state<double>()),
      sums_(index(branches * width), 0.0),
      gram_(index(want_gram ? branches * branches : 0), 0.0) {}

void PoolAccumulator::add_rows(const at::Tensor& scores, const at::Tensor& rows) {
  scores.scalar_type() == at::kDouble ? add_typed<double>(scores, rows) : add_typed<float>(scores, rows);
}

template <class T>
void PoolAccumulator::add_typed(const at::Tensor& scores, const at::Tensor& rows) {
  const std::int64_t n = scores.size(1);
  const auto& run = kernels::pool_kernels<T>();
  const at::Tensor e = at::empty_like(scores), sums = at::empty({branches_, width_}, scores.options()),
                   gram = at::empty({branches_, branches_}, scores.options());
  T* weights = e.mutable_data_ptr<T>();
  PoolAccumulator part(branches_, 0, false);
  for (std::int64_t k = 0; k < branches_; ++k)
    part.states_[index(k)] = kernels::softmax_split_cpu(scores.const_data_ptr<T>() + k * n, n, weights + k * n);
  run.weighted_sums(weights, n, rows.const_data_ptr<T>(), n, width_, branches_, sums.mutable_data_ptr<T>());
  if (want_gram_) run.row_dots(weights, weights, branches_, n, branches_, gram.mutable_data_ptr<T>(), branches_);
  part.sums_.assign(sums.const_data_ptr<T>(), sums.const_data_ptr<T>() + branches_ * width_);
  if (want_gram_) part.gram_.assign(gram.const_data_ptr<T>(), gram.const_data_ptr<T>() + branches_ * branches_);
  add(part);
}

void PoolAccumulator::add(const PoolAccumulator& split) {
  std::vector<double> own(index(branches_)), other(index(branches_));
  for (std::int64_t k = 0; k < branches_; ++k) {
    auto& state = states_[index(k)];
    state = kernels::merged(state, split.states_[index(k)], own[index(k)], other[index(k)]);
    double* sum = sums_.data() + k * width_;
    const double* from = split.sums_.data() + k * width_;
    for (std::int64_t d = 0; d < width_; ++d) sum[d] = sum[d] * own[index(k)] + from[d] * other[index(k)];
  }
  for (std::int64_t i = 0; want_gram_ && i < branches_; ++i)
    for (std::int64_t j = 0; j < branches_; ++j) {
      double& entry = gram_[index(i * branches_ + j)];
      entry = entry * own[index(i)] * own[index(j)] +
              split.gram_[index(i * branches_ + j)] * other[index(i)] * other[index(j)];
    }
}

Pooled PoolAccumulator::result(const at::Tensor& scores, at::ScalarType type) const {
  const auto options = at::TensorOptions(at::kDouble);
  const at::Tensor z = at::empty({branches_, width_}, options), lse = at::empty({branches_}, options),
                   entropy = at::empty({branches_}, options), gram = at::empty({branches_, branches_}, options);
  for (std::int64_t k = 0; k < branches_; ++k) {
    const auto& state = states_[index(k)];
    lse.mutable_data_ptr<double>()[k] = kernels::lse_of(state);
    entropy.mutable_data_ptr<double>()[k] = kernels::entropy_of(state);
    for (std::int64_t d = 0; d < width_; ++d)
      z.mutable_data_ptr<double>()[k * width_ + d] = state.l == 0 ? 0.0 : sums_[index(k * width_ + d)] / state.l;
    for (std::int64_t j = 0; want_gram_ && j < branches_; ++j) {
      const double both = state.l * states_[index(j)].l;
      gram.mutable_data_ptr<double>()[k * branches_ + j] = both == 0 ? 0.0 : gram_[index(k * branches_ + j)] / both;
    }
  }
  const at::ScalarType fine = scores.scalar_type();
  return {z.to(type), scores, lse.to(fine), entropy.to(fine), want_gram_ ? gram.to(fine) : at::Tensor()};
}

}  // namespace fovea::attention::ops
