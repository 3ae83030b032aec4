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

/// Relative to the largest finite entry; equal infinities are close.
inline void expect_near_double(const at::Tensor& got, const at::Tensor& wanted, double tolerance = 4e-6) {
  ASSERT_TRUE(got.defined());
  const at::Tensor expected = wanted.detach(), size = expected.abs().masked_fill(expected.isinf(), 0.0).max();
  expect_close(got.to(at::kDouble), expected, tolerance * (1 + size.item<double>()));
}

/// NaN of the same bits is the same. Undefined tensors are results that a path does not have.
inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.defined() == b.defined() && (!a.defined() || at::equal(a.view(at::kInt), b.view(at::kInt)));
}

/// Runs `make` in every order; all runs give the same bits, which it returns.
inline std::vector<at::Tensor> same_in_every_order(const std::function<std::vector<at::Tensor>()>& make) {
  std::vector<at::Tensor> first;
  in_every_order([&] {
    const std::vector<at::Tensor> now = make();
    for (std::size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(same_bits(first[i], now[i])) << "result " << i;
    first = now;
  });
  return first;
}

/// A copy of its own that gradients arrive at.
inline at::Tensor leaf_of(const at::Tensor& x, at::ScalarType type) {
  return x.detach().to(type).clone().requires_grad_(true);
}

using AttendPath = std::function<Attended(const ops::AttendTensors& in)>;

/// One run of a path and of its graph: out, lse, and the gradients of q, k and v.
inline std::vector<at::Tensor> run_and_differentiate(const AttendPath& path, const ops::AttendTensors& in,
                                                     at::ScalarType type, const at::Tensor& up,
                                                     const at::Tensor& up_lse) {
  const ops::AttendTensors leaves{leaf_of(in.q, type), leaf_of(in.k, type), leaf_of(in.v, type)};
  const Attended done = path(leaves);
  at::Tensor value = (done.out * up.to(type)).sum();
  if (up_lse.defined()) value = value + (done.lse.masked_fill(done.lse.isinf(), 0.0) * up_lse.to(type)).sum();
  value.backward();
  return {done.out.detach(), done.lse.defined() ? done.lse.detach() : done.lse, leaves.q.grad(), leaves.k.grad(),
          leaves.v.grad()};
}

/// Forward and backward of one configuration against autograd of the reference in float64. With `of_lse`, a gradient
/// comes through lse too.
inline void expect_attention(const ops::AttendTensors& in, const AttendPath& reference, const AttendPath& path,
                             bool of_lse) {
  const at::Tensor up =
      doubles(in.q.sizes().slice(0, static_cast<std::size_t>(in.q.dim() - 1))).unsqueeze(-1) * doubles({in.v.size(-1)});
  const at::Tensor up_lse = of_lse ? doubles(reference(in).lse.sizes()) : at::Tensor();
  const std::vector<at::Tensor> wanted = run_and_differentiate(reference, in, at::kDouble, up, up_lse);
  const std::vector<at::Tensor> got =
      same_in_every_order([&] { return run_and_differentiate(path, in, at::kFloat, up, up_lse); });
  expect_near_double(got[0], wanted[0]);
  if (wanted[1].defined()) expect_near_double(got[1], wanted[1]);
  for (std::size_t i = 2; i < got.size(); ++i) {
    SCOPED_TRACE(i);
    expect_near_double(got[i], wanted[i], 1e-5);
  }
}

}  // namespace fovea::attention::testing_tools
