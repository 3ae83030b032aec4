// The Gram of branch weights in splits: g_ij = sum e^(s_i - m_i + s_j - m_j) of a split merges with c_i c_j
// (attention.md 3.3). K rows and kSplit columns in double are all that a thread holds.
#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <fovea/models/attention.h>

#include "attention/ops/pool.h"
#include "attention/ops/softmax_state.h"

namespace fovea::attention::ops {
namespace {

using State = kernels::SoftmaxState<double>;
constexpr std::int64_t kAtOnce = 64;  // splits in memory together

struct GramPart {
  std::vector<State> states;
  at::Tensor gram;  // [K, K] of the unnormalised weights
};

GramPart part_of(const at::Tensor& scores) {
  const OneThread one;
  const at::Tensor s = scores.to(at::kDouble).contiguous().clone(), e = at::empty_like(s);
  const std::int64_t branches = s.size(0), n = s.size(1);
  GramPart part;
  for (std::int64_t k = 0; k < branches; ++k)
    part.states.push_back(
        kernels::softmax_split_cpu(s.const_data_ptr<double>() + k * n, n, e.mutable_data_ptr<double>() + k * n));
  part.gram = e.mm(e.t());
  return part;
}

class GramAccumulator {
 public:
  explicit GramAccumulator(std::int64_t branches)
      : states_(static_cast<std::size_t>(branches), kernels::neutral_state<double>()),
        gram_(at::zeros({branches, branches}, at::TensorOptions(at::kDouble))) {}

  void add(const GramPart& part) {
    const std::size_t n = states_.size();
    std::vector<double> own(n), others(n);
    for (std::size_t k = 0; k < n; ++k) states_[k] = kernels::merged(states_[k], part.states[k], own[k], others[k]);
    double* into = gram_.mutable_data_ptr<double>();
    const double* from = part.gram.const_data_ptr<double>();
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j, ++into, ++from)
        *into = *into * own[i] * own[j] + *from * others[i] * others[j];
  }

  at::Tensor result() const {
    at::Tensor gram = gram_.clone();
    double* entry = gram.mutable_data_ptr<double>();
    for (const State& a : states_)
      for (const State& b : states_) *entry = a.l == 0 || b.l == 0 ? 0.0 : *entry / (a.l * b.l), ++entry;
    return gram;
  }

 private:
  std::vector<State> states_;
  at::Tensor gram_;
};

}  // namespace

at::Tensor split_gram(const at::Tensor& scores) {
  const std::int64_t columns = scores.size(1), splits = (columns + kSplit - 1) / kSplit;
  GramAccumulator sum(scores.size(0));
  for (std::int64_t first = 0; first < splits; first += kAtOnce) {
    std::vector<GramPart> parts(static_cast<std::size_t>(std::min(kAtOnce, splits - first)));
    at::parallel_for(0, static_cast<std::int64_t>(parts.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      const at::NoGradGuard no_grad;
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t column = (first + i) * kSplit;
        parts[static_cast<std::size_t>(i)] = part_of(scores.slice(1, column, std::min(columns, column + kSplit)));
      }
    });
    for (const GramPart& part : parts) sum.add(part);
  }
  return sum.result().to(scores.scalar_type());
}

}  // namespace fovea::attention::ops
