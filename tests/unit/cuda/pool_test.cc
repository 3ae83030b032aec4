// Pooling kernels under emulation against the float64 reference of the same inputs.
#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "attention/kernels/launch.h"
#include "attention/ops/cuda_pool.h"
#include "attention/ops/query_pool.h"
#include "attention/ops/softmax_state.h"
#include "emulated.h"
#include "pool_inputs.h"

namespace {

using namespace fovea::attention;
using namespace testing_tools;

void expect_near_reference(const Pooled& got, const Pooled& exact, double tolerance) {
  const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };
  expect_close(wide(got.scores), exact.scores, tolerance);
  expect_close(wide(got.z), exact.z, tolerance);
  expect_close(wide(got.lse), exact.lse, tolerance);
  expect_close(wide(got.entropy), exact.entropy, tolerance);
  if (got.gram.defined()) expect_close(wide(got.gram), exact.gram, tolerance);
}

bool same_bits(const Pooled& a, const Pooled& b) {
  return at::equal(a.z, b.z) && at::equal(a.scores, b.scores) && at::equal(a.lse, b.lse) &&
         at::equal(a.entropy, b.entropy) && at::equal(a.gram, b.gram);
}

class CudaGatedPool : public testing::TestWithParam<BagSizes> {};

TEST_P(CudaGatedPool, AgreesWithTheReferenceInEveryOrderOfThreadsAndBitForBit) {
  const BagSizes sizes = GetParam();
  const EmulatedDevice device;
  const Bag bag(sizes);
  const Pooled exact = bag.exact(bag.keep());
  Pooled first;
  in_every_order([&] {
    const std::int64_t before = cuda_emulation::launches();
    const Pooled got = ops::cuda_gated_pool(bag.x, bag.weights, {bag.keep(), bag.fill}, {});
    EXPECT_GE(cuda_emulation::launches() - before, 6);
    expect_near_reference(got, exact, 3e-5);
    EXPECT_TRUE(!first.z.defined() || same_bits(got, first));
    first = got;
  });
}
INSTANTIATE_TEST_SUITE_P(Many, CudaGatedPool,
                         testing::Values(BagSizes{1, 5, 3, 1, true, false}, BagSizes{130, 37, 70, 5, true, true},
                                         BagSizes{1030, 18, 9, 3, false, true}, BagSizes{129, 20, 131, 2, false, false},
                                         BagSizes{70, 7, 66, 40, true, true}, BagSizes{300, 520, 33, 5, true, true}));

class CudaTensorCores : public testing::TestWithParam<std::tuple<BagSizes, int>> {};

TEST_P(CudaTensorCores, ScoresKeepTheErrorOfTheirPrecision) {
  const auto [sizes, precision] = GetParam();
  const EmulatedDevice device;
  const Bag bag(sizes);
  const auto wanted = static_cast<kernels::GatePrecision>(precision);
  const ops::Keep keep{bag.keep(), bag.fill};
  cuda_emulation::set_compute_capability(80);
  const double tolerance = wanted == kernels::kTf32Gate ? 5e-3 : 5e-2;
  in_every_order([&] {
    const at::Tensor got = ops::cuda_gate_scores(bag.x, bag.weights, keep, {wanted, false});
    expect_close(got.to(at::kDouble), bag.exact(keep.mask).scores, tolerance);
  });
  // Bf16 rows go to the tensor cores by themselves, and the pooled rows come back in bf16.
  const at::Tensor narrow = bag.x.to(at::kBFloat16);
  const Pooled pooled = ops::cuda_gated_pool(narrow, bag.weights, keep, {});
  EXPECT_EQ(pooled.z.scalar_type(), at::kBFloat16);
  expect_close(pooled.z.to(at::kDouble), bag.exact(keep.mask).z, 5e-2);
  cuda_emulation::set_compute_capability(75);
  const at::Tensor exact = ops::cuda_gate_scores(bag.x, bag.weights, keep, {wanted, false});
  expect_close(exact.to(at::kDouble), bag.exact(keep.mask).scores, 3e-5);
}
INSTANTIATE_TEST_SUITE_P(Many, CudaTensorCores,
                         testing::Combine(testing::Values(BagSizes{130, 37, 70, 5, true, true},
                                                          BagSizes{60, 18, 65, 34, false, true}),
                                          testing::Values(kernels::kTf32Gate, kernels::kBfloat16Gate)));

TEST(CudaScorePool, EdgesOfScores) {
  const EmulatedDevice device;
  at::manual_seed(3);
  const at::Tensor x = at::randn({2100, 70});
  at::Tensor scores = at::randn({5, 2100});
  const float inf = std::numeric_limits<float>::infinity();
  scores[0].fill_(-inf);
  scores[1].slice(0, 0, 1024).fill_(-inf);
  scores[2] *= 3000;
  scores[3][77] = std::nanf("");
  scores[4][5] = inf;
  const Pooled got = ops::cuda_score_pool(scores, x);
  const Pooled exact = ops::reference_score_pool(scores.to(at::kDouble), x.to(at::kDouble));
  EXPECT_EQ(got.z[0].abs().max().item<float>(), 0);
  EXPECT_EQ(got.lse[0].item<float>(), -inf);
  EXPECT_EQ(got.entropy[0].item<float>(), 0);
  const auto row = [](const at::Tensor& t) { return t.slice(0, 1, 3).to(at::kDouble); };
  expect_close(row(got.z), row(exact.z), 2e-5);
  expect_close(row(got.entropy), row(exact.entropy), 2e-5);
  expect_close(row(got.lse), row(exact.lse), 1e-3);  // of magnitude 1e4
  for (std::int64_t k : {3, 4}) EXPECT_TRUE(at::isnan(got.z[k]).all().item<bool>());
  EXPECT_TRUE(at::isnan(got.lse[3]).item<bool>());
}

TEST(CudaScorePool, NonContiguousInputsAndManyBranches) {
  const EmulatedDevice device;
  at::manual_seed(4);
  const at::Tensor x = at::randn({66, 300}).t(), scores = at::randn({300, 41}).t();
  expect_near_reference(ops::cuda_score_pool(scores, x),
                        ops::reference_score_pool(scores.to(at::kDouble), x.to(at::kDouble)), 2e-5);
  expect_close(ops::cuda_gram(scores).to(at::kDouble), ops::reference_gram(scores.to(at::kDouble)), 1e-6);
}

TEST(CudaQueryPool, FoldedQueriesUseThePoolKernels) {
  const EmulatedDevice device;
  at::manual_seed(5);
  const std::int64_t heads = 8, queries = 5, width = 40, channels = 32;
  const at::Tensor x = at::randn({1100, width}), q = at::randn({queries, channels});
  QueryPoolWeights w;
  w.wq = at::randn({channels, channels}) / 6, w.bq = at::randn({channels});
  w.wk = at::randn({channels, width}) / 6, w.bk = at::randn({channels});
  w.wv = at::randn({channels, width}) / 6, w.bv = at::randn({channels});
  const ops::FoldedQueries folded = ops::folded_queries(q, w, heads);
  const Pooled rows = ops::cuda_score_pool(at::linear(x, folded.weight, folded.bias).t(), x, false);
  EXPECT_FALSE(rows.gram.defined());
  const QueryPooled exact = query_pool(x, q, w, heads);
  expect_close(rows.lse.view({heads, queries}), exact.lse, 2e-5);
  const at::Tensor values =
      at::bmm(rows.z.view({heads, queries, width}), w.wv.view({heads, -1, width}).transpose(1, 2)) +
      w.bv.view({heads, 1, -1});
  expect_close(values.transpose(0, 1).reshape({queries, channels}), exact.z, 2e-5);
}

TEST(CudaSoftmaxMerge, AgreesWithTheFunctionAndDoesNotReadAbsentParts) {
  const EmulatedDevice device;
  at::manual_seed(6);
  at::Tensor outs = at::randn({4, 3, 7, 130}), lses = at::randn({4, 3, 7}) * 20;
  lses[2].fill_(-kInfinity), outs[2].fill_(std::nanf(""));
  lses.select(1, 1).fill_(-kInfinity);
  const Merged got = ops::cuda_softmax_merge(outs, lses);
  const Merged exact = softmax_merge(outs.to(at::kDouble), lses.to(at::kDouble));
  expect_close(got.out.to(at::kDouble), exact.out, 1e-5);
  expect_close(got.lse.to(at::kDouble), exact.lse, 1e-5);
  EXPECT_EQ(got.out[1].abs().max().item<float>(), 0);
}

TEST(CudaPool, AFailedLaunchNamesItsKernel) {
  const EmulatedDevice device;
  cuda_emulation::fail_next_launch(719);
  try {
    ops::cuda_score_pool(at::randn({2, 9}), at::randn({9, 4}));
    ADD_FAILURE() << "no error";
  } catch (const fovea::Error& error) {
    EXPECT_EQ(error.code(), fovea::ErrorCode::kDevice);
    EXPECT_NE(std::string(error.what()).find("pool_states"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("719"), std::string::npos) << error.what();
  }
}

TEST(CudaPool, OtherTypesTakeTheReference) {
  const EmulatedDevice device;
  const std::int64_t before = cuda_emulation::launches();
  const at::Tensor scores = at::randn({2, 9}, at::kDouble), x = at::randn({9, 4}, at::kDouble);
  EXPECT_TRUE(at::equal(ops::cuda_score_pool(scores, x).z, ops::reference_score_pool(scores, x).z));
  EXPECT_EQ(cuda_emulation::launches(), before);
}

}  // namespace
