#include "attention/ops/pool.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>

// Exported by LibTorch's CPU library, which carries MKL inside; absent in builds on another BLAS, whose products are
// then taken as they are.
extern "C" int MKL_Set_Num_Threads_Local(int) __attribute__((weak));

namespace fovea::attention::ops {
namespace {

template <class T>
SplitResult softmax_and_sum(const at::Tensor& scores, const at::Tensor& rows) {
  const std::int64_t branches = scores.size(0), n = scores.size(1);
  SplitResult split;
  split.scores = scores;
  const at::Tensor weights = at::empty_like(scores);
  for (std::int64_t k = 0; k < branches; ++k)
    split.states.push_back(
        kernels::softmax_split_cpu(scores.const_data_ptr<T>() + k * n, n, weights.mutable_data_ptr<T>() + k * n));
  split.sums = at::mm(weights, rows);
  return split;
}

}  // namespace

OneThread::OneThread() : before_(MKL_Set_Num_Threads_Local ? MKL_Set_Num_Threads_Local(1) : 0) {}
OneThread::~OneThread() {
  if (MKL_Set_Num_Threads_Local) MKL_Set_Num_Threads_Local(before_);
}

PackedGate::PackedGate(const GateWeights& weights)
    : hidden(weights.wv.size(0)), branches(weights.w.size(0)), width(weights.wv.size(1)), gated(weights.wu.defined()) {
  gate_t = (gated ? at::cat({weights.wv, weights.wu}) : weights.wv).detach().t().contiguous();
  gate_b = (gated ? at::cat({weights.bv, weights.bu}) : weights.bv).detach().contiguous();
  w_t = weights.w.detach().t().contiguous();
  b = weights.b.detach().contiguous();
}

SplitResult pool_split_scores(const at::Tensor& scores, const at::Tensor& rows) {
  const OneThread one;
  const at::Tensor s = scores.contiguous(), x = rows.contiguous();
  return s.scalar_type() == at::kDouble ? softmax_and_sum<double>(s, x) : softmax_and_sum<float>(s, x);
}

SplitResult pool_split(const at::Tensor& rows, const PackedGate& gate) {
  const OneThread one;
  const at::Tensor pre = at::addmm(gate.gate_b, rows, gate.gate_t);
  const at::Tensor hidden = at::empty({rows.size(0), gate.hidden}, pre.options());
  if (pre.scalar_type() == at::kDouble) {
    kernels::activate_cpu(pre.const_data_ptr<double>(), rows.size(0), gate.hidden, gate.gated,
                          hidden.mutable_data_ptr<double>());
  } else {
    kernels::activate_cpu(pre.const_data_ptr<float>(), rows.size(0), gate.hidden, gate.gated,
                          hidden.mutable_data_ptr<float>());
  }
  return pool_split_scores(at::addmm(gate.b, hidden, gate.w_t).t(), rows);
}

PoolAccumulator::PoolAccumulator(std::int64_t branches, std::int64_t width)
    : branches_(branches),
      width_(width),
      states_(static_cast<std::size_t>(branches), kernels::neutral_state<double>()),
      sums_(static_cast<std::size_t>(branches * width), 0.0) {}

void PoolAccumulator::add(const SplitResult& split) {
  for (std::int64_t k = 0; k < branches_; ++k) {
    auto& state = states_[static_cast<std::size_t>(k)];
    double* sum = sums_.data() + k * width_;
    const auto& from = split.states[static_cast<std::size_t>(k)];
    if (split.sums.scalar_type() == at::kDouble)
      kernels::merge_cpu(state, sum, from, split.sums.const_data_ptr<double>() + k * width_, width_);
    else
      kernels::merge_cpu(state, sum, from, split.sums.const_data_ptr<float>() + k * width_, width_);
  }
}

Pooled PoolAccumulator::result(const at::Tensor& scores) const {
  const auto options = at::TensorOptions(at::kDouble);
  const at::Tensor z = at::empty({branches_, width_}, options), lse = at::empty({branches_}, options),
                   entropy = at::empty({branches_}, options);
  for (std::int64_t k = 0; k < branches_; ++k) {
    const auto& state = states_[static_cast<std::size_t>(k)];
    lse.mutable_data_ptr<double>()[k] = kernels::lse_of(state);
    entropy.mutable_data_ptr<double>()[k] = kernels::entropy_of(state);
    for (std::int64_t d = 0; d < width_; ++d)
      z.mutable_data_ptr<double>()[k * width_ + d] =
          state.l == 0 ? 0.0 : sums_[static_cast<std::size_t>(k * width_ + d)] / state.l;
  }
  return {z.to(scores.scalar_type()), scores, lse.to(scores.scalar_type()), entropy.to(scores.scalar_type())};
}

}  // namespace fovea::attention::ops
