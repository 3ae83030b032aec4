// What the tests of attention kernels over patterns share: float32 launches against the float64 reference, forward and
// backward, in every order of threads, bit for bit the same.
#pragma once

#include <functional>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "attention/ops/cuda_attend.h"
#include "emulated.h"

namespace fovea::attention::testing_tools {

inline at::Tensor floats_like_doubles(const at::Tensor& x) {
  return x.defined() ? x.detach().to(at::kFloat) : x;
}

/// Relative to the largest finite entry; equal infinities are close.
inline void expect_near_double(const at::Tensor& got, const at::Tensor& wanted, double tolerance = 4e-6) {
  ASSERT_TRUE(got.defined());
  const at::Tensor expected = wanted.detach(), size = expected.abs().masked_fill(expected.isinf(), 0.0).max();
  expect_close(got.to(at::kDouble), expected, tolerance * (1 + size.item<double>()));
}

/// Runs `make` in every order; all runs give the same bits, which it returns.
inline std::vector<at::Tensor> same_in_every_order(const std::function<std::vector<at::Tensor>()>& make) {
  std::vector<at::Tensor> first;
  in_every_order([&] {
    const std::vector<at::Tensor> now = make();
    for (std::size_t i = 0; i < first.size(); ++i)
      EXPECT_TRUE(at::equal(first[i].view(at::kInt), now[i].view(at::kInt))) << "result " << i;
    first = now;
  });
  return first;
}

using DoubleForward = std::function<Attended(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v)>;
using Forward = std::function<Attended(const ops::AttendTensors& in)>;
using Backward =
    std::function<ops::AttendTensors(const ops::AttendTensors& in, const Attended& forward, const Attended& upstream)>;

/// Forward and backward of one configuration against autograd of the reference. With `of_lse`, a gradient comes through
/// lse too.
inline void expect_attention(const ops::AttendTensors& in, const DoubleForward& reference, const Forward& forward,
                             const Backward& backward, bool of_lse) {
  const auto leaf = [](const at::Tensor& x) { return x.to(at::kDouble).requires_grad_(true); };
  const ops::AttendTensors leaves{leaf(in.q), leaf(in.k), leaf(in.v)};
  const Attended wanted = reference(leaves.q, leaves.k, leaves.v);
  const at::Tensor up = doubles(wanted.out.sizes()), up_lse = of_lse ? doubles(wanted.lse.sizes()) : at::Tensor();
  at::Tensor value = (wanted.out * up).sum();
  if (of_lse) value = value + (wanted.lse.masked_fill(wanted.lse.isinf(), 0.0) * up_lse).sum();
  value.backward();
  const std::vector<at::Tensor> got = same_in_every_order([&]() -> std::vector<at::Tensor> {
    const Attended done = forward(in);
    const ops::AttendTensors gradients = backward(in, done, {floats_like_doubles(up), floats_like_doubles(up_lse)});
    return {done.out, done.lse, gradients.q, gradients.k, gradients.v};
  });
  expect_near_double(got[0], wanted.out);
  if (wanted.lse.defined()) expect_near_double(got[1], wanted.lse);
  expect_near_double(got[2], leaves.q.grad(), 1e-5);
  expect_near_double(got[3], leaves.k.grad(), 1e-5);
  expect_near_double(got[4], leaves.v.grad(), 1e-5);
}

}  // namespace fovea::attention::testing_tools
