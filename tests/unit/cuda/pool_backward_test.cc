// Backward kernels of pooling under emulation, against autograd through the float64 reference.
#include <limits>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "attention/ops/cuda_pool.h"
#include "emulated.h"
#include "pool_inputs.h"

namespace {

using namespace fovea::attention;
using namespace testing_tools;
using ops::PooledGradients;

PooledGradients random_gradients(const BagSizes& s) {
  return {at::randn({s.branches, s.width}), at::randn({s.branches, s.rows}) / s.rows, at::randn({s.branches}),
          at::randn({s.branches}), at::randn({s.branches, s.branches})};
}

/// In the order x, wv, bv, w, b, wu, bu.
std::vector<at::Tensor> expected_gradients(const Bag& bag, const PooledGradients& g) {
  at::Tensor x = bag.x.to(at::kDouble);
  GateWeights w = doubled(bag.weights);
  std::vector<at::Tensor> leaves{x, w.wv, w.bv, w.w, w.b};
  if (w.wu.defined()) leaves.insert(leaves.end(), {w.wu, w.bu});
  for (at::Tensor& leaf : leaves) leaf.requires_grad_(true);
  const Pooled p =
      ops::reference_gated_pool(x, w, bag.keep().defined() ? c10::make_optional(bag.keep()) : c10::nullopt, bag.fill);
  const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };
  return torch::autograd::grad({p.z, p.scores, p.lse.nan_to_num(0, 0, 0), p.entropy, p.gram}, leaves,
                               {wide(g.z), wide(g.scores), wide(g.lse), wide(g.entropy), wide(g.gram)});
}

class CudaGatedBackward : public testing::TestWithParam<BagSizes> {};

TEST_P(CudaGatedBackward, EqualsAutogradThroughTheReferenceAndIsBitIdentical) {
  const BagSizes sizes = GetParam();
  const EmulatedDevice device;
  const Bag bag(sizes);
  const PooledGradients g = random_gradients(sizes);
  const ops::Keep keep{bag.keep(), bag.fill};
  const Pooled pooled = ops::cuda_gated_pool(bag.x, bag.weights, keep, {});
  const std::vector<at::Tensor> expected = expected_gradients(bag, g);
  std::vector<at::Tensor> first;
  in_every_order([&] {
    const auto got = ops::cuda_gated_pool_backward(g, pooled, bag.x, bag.weights, keep, true);
    std::vector<at::Tensor> have{got.x, got.wv, got.bv, got.w, got.b};
    if (sizes.gated) have.insert(have.end(), {got.wu, got.bu});
    for (std::size_t i = 0; i < have.size(); ++i) {
      const double scale = std::max(1.0, expected[i].abs().max().item<double>());
      SCOPED_TRACE(i);
      expect_close(have[i].to(at::kDouble), expected[i], 2e-5 * scale);
      EXPECT_TRUE(first.empty() || at::equal(have[i], first[i]));
    }
    first = have;
  });
  EXPECT_FALSE(ops::cuda_gated_pool_backward(g, pooled, bag.x, bag.weights, keep, false).x.defined());
}
INSTANTIATE_TEST_SUITE_P(Many, CudaGatedBackward,
                         testing::Values(BagSizes{1, 5, 3, 1, true, false}, BagSizes{130, 37, 70, 5, true, true},
                                         BagSizes{1030, 140, 9, 3, false, true}, BagSizes{70, 7, 66, 11, true, true}));

TEST_P(CudaGatedBackward, GraphsRunThroughTheKernels) {
  const EmulatedDevice device;
  Bag bag(GetParam());
  const PooledGradients g = random_gradients(bag.sizes);
  const std::vector<at::Tensor> expected = expected_gradients(bag, g);
  GateWeights& w = bag.weights;
  std::vector<at::Tensor> leaves{bag.x, w.wv, w.bv, w.w, w.b};
  if (w.wu.defined()) leaves.insert(leaves.end(), {w.wu, w.bu});
  for (at::Tensor& leaf : leaves) leaf.requires_grad_(true);
  const std::int64_t before = cuda_emulation::launches();
  const Pooled p = ops::cuda_gated_pool(bag.x, w, {bag.keep(), bag.fill}, {});
  const auto got = torch::autograd::grad({p.z, p.scores, p.lse, p.entropy, p.gram}, leaves,
                                         {g.z, g.scores, g.lse, g.entropy, g.gram});
  EXPECT_GE(cuda_emulation::launches() - before, 14);
  for (std::size_t i = 0; i < got.size(); ++i)
    expect_close(got[i].to(at::kDouble), expected[i], 2e-5 * std::max(1.0, expected[i].abs().max().item<double>()));
}

TEST(CudaScoreBackward, GraphsRunThroughTheKernels) {
  const EmulatedDevice device;
  at::manual_seed(12);
  at::Tensor scores = at::randn({3, 80}).requires_grad_(true), x = at::randn({80, 20}).requires_grad_(true);
  const Pooled p = ops::cuda_score_pool(scores, x);
  ((p.z * p.z).sum() + p.entropy.sum() + p.gram.sum() + (p.scores * p.scores).sum()).backward();
  at::Tensor s = scores.detach().to(at::kDouble).requires_grad_(true),
             y = x.detach().to(at::kDouble).requires_grad_(true);
  const Pooled e = ops::reference_score_pool(s, y);
  ((e.z * e.z).sum() + e.entropy.sum() + e.gram.sum() + (e.scores * e.scores).sum()).backward();
  expect_close(scores.grad().to(at::kDouble), s.grad(), 1e-5);
  expect_close(x.grad().to(at::kDouble), y.grad(), 1e-6);
}

TEST(CudaGatedBackward, ManyRowsGoInPartsThatAreAddedInOrder) {
  const EmulatedDevice device;
  const BagSizes sizes{ops::kCudaRowsAtOnce + 4100, 3, 2, 1, true, false};
  const Bag bag(sizes);
  const PooledGradients g{at::randn({1, 3}), {}, {}, {}, {}};
  const Pooled pooled = ops::cuda_gated_pool(bag.x, bag.weights, {}, {});
  const auto got = ops::cuda_gated_pool_backward(g, pooled, bag.x, bag.weights, {}, true);
  const auto native = ops::native_gated_pool_backward(g, pooled, bag.x, bag.weights, {}, true);
  expect_close(got.wv, native.wv, 1e-5);
  expect_close(got.bu, native.bu, 1e-5);
  expect_close(got.w, native.w, 1e-5);
  expect_close(got.b, native.b, 1e-5);
  expect_close(got.x, native.x, 1e-6);
}

TEST(CudaGatedBackward, GradientsOfScoresAloneNeedNoPooledRows) {
  const EmulatedDevice device;
  const BagSizes sizes{40, 9, 5, 2, true, false};
  const Bag bag(sizes);
  PooledGradients g;
  g.scores = at::randn({2, 40});
  Pooled pooled;
  pooled.scores = ops::cuda_gate_scores(bag.x, bag.weights, {}, {});
  const auto got = ops::cuda_gated_pool_backward(g, pooled, bag.x, bag.weights, {}, true);
  const auto native = ops::native_gated_pool_backward(g, pooled, bag.x, bag.weights, {}, true);
  expect_close(got.x, native.x, 1e-5);
  expect_close(got.wu, native.wu, 1e-5);
  expect_close(got.b, native.b, 1e-5);
}

TEST(CudaScoreBackward, AnAbsentBranchHasNoGradientAndNoNan) {
  const EmulatedDevice device;
  at::manual_seed(8);
  at::Tensor scores = at::randn({2, 50});
  scores[0].fill_(-std::numeric_limits<float>::infinity());
  const at::Tensor x = at::randn({50, 4});
  const Pooled pooled = ops::cuda_score_pool(scores, x);
  const PooledGradients g{at::randn({2, 4}), {}, at::ones({2}), at::ones({2}), at::ones({2, 2})};
  const auto got = ops::cuda_score_pool_backward(g, pooled, x, true, true);
  EXPECT_EQ(got.scores[0].abs().max().item<float>(), 0);
  EXPECT_GT(got.scores[1].abs().max().item<float>(), 0);
  EXPECT_TRUE(at::isfinite(got.x).all().item<bool>());
  const auto native = ops::native_score_pool_backward(g, pooled, x, true, true);
  expect_close(got.scores, native.scores, 1e-6);
  expect_close(got.x, native.x, 1e-6);
}

}  // namespace
