// Block-sparse and position attention's CUDA kernels under emulation, against dense attention with masks.
#include <cmath>

#include "kernel_checks.h"
#include "attention/ops/dual.h"
#include "attention/ops/self_attention.h"
#include "attention/ops/sparse.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

struct Case {
  const char* name;
  std::int64_t batches, heads, key_heads, queries, keys, width, value_width, block;
  bool mask_of_batch, mask_of_head;
  double kept;
};

at::Tensor mask_of(const Case& c) {
  const auto blocks = [&](std::int64_t n) { return (n + c.block - 1) / c.block; };
  return at::rand({c.mask_of_batch ? c.batches : 1, c.mask_of_head ? c.heads : 1, blocks(c.queries), blocks(c.keys)}) <
         c.kept;
}

ops::AttendTensors inputs_of(const Case& c) {
  return {at::randn({c.batches, c.heads, c.queries, c.width}), at::randn({c.batches, c.key_heads, c.keys, c.width}),
          at::randn({c.batches, c.key_heads, c.keys, c.value_width})};
}

class EmulatedBlockSparse : public testing::TestWithParam<Case> {
 protected:
  const EmulatedDevice device_;
};

TEST_P(EmulatedBlockSparse, AgreesWithTheReference) {
  at::manual_seed(7);
  const Case& c = GetParam();
  const at::Tensor mask = mask_of(c);
  const auto of = [&](const ops::AttendTensors& in) { return ops::SparseInputs{in.q, in.k, in.v, mask, c.block, 0.6}; };
  expect_attention(
      inputs_of(c), [&](const ops::AttendTensors& in) { return ops::reference_block_sparse(of(in)); },
      [&](const ops::AttendTensors& in) { return ops::cuda_block_sparse(of(in)); }, c.mask_of_head);
}

INSTANTIATE_TEST_SUITE_P(Shapes, EmulatedBlockSparse,
                         testing::Values(Case{"small_blocks", 2, 2, 2, 45, 37, 5, 6, 8, true, true, 0.5},
                                         Case{"grouped_heads", 1, 6, 2, 33, 70, 34, 3, 16, false, true, 0.6},
                                         Case{"shared_mask", 2, 2, 1, 20, 20, 4, 65, 7, false, false, 0.4},
                                         Case{"large_blocks", 1, 1, 1, 150, 90, 4, 4, 100, false, false, 0.9},
                                         Case{"nothing_kept", 1, 2, 1, 9, 9, 4, 4, 4, false, false, 0.0},
                                         Case{"one_token", 1, 1, 1, 1, 1, 3, 2, 64, false, false, 1.0}),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

class EmulatedBlocks : public testing::Test {
 protected:
  EmulatedBlocks() { at::manual_seed(9); }
  const EmulatedDevice device_;
};

TEST_F(EmulatedBlocks, DroppedBlocksAreNeverRead) {
  const Case c{"", 1, 1, 1, 32, 32, 4, 4, 8, false, false, 1};
  const at::Tensor mask = at::ones({1, 1, 4, 4}, at::kBool);
  mask.select(3, 2).fill_(false);
  const ops::AttendTensors in = inputs_of(c);
  const Attended clean = ops::cuda_block_sparse({in.q, in.k, in.v, mask, 8, 1});
  in.k.slice(2, 16, 24).fill_(NAN), in.v.slice(2, 16, 24).fill_(NAN);
  const Attended dirty = ops::cuda_block_sparse({in.q, in.k, in.v, mask, 8, 1});
  EXPECT_TRUE(at::equal(clean.out, dirty.out));
  EXPECT_TRUE(at::equal(clean.lse, dirty.lse));
}

TEST_F(EmulatedBlocks, PositionAttentionAgreesWithTheReference) {
  for (const auto& [voxels, keys, width, value_width] :
       {std::array<std::int64_t, 4>{70, 70, 4, 32}, {1, 1, 1, 1}, {65, 33, 40, 130}, {3, 100, 2, 5}}) {
    const ops::AttendTensors in{at::randn({2, voxels, width}), at::randn({2, keys, width}),
                                at::randn({2, keys, value_width})};
    expect_attention(
        in,
        [](const ops::AttendTensors& x) {
          return Attended{ops::reference_position(x.q, x.k, x.v), {}};
        },
        [](const ops::AttendTensors& x) { return ops::cuda_position(x.q, x.k, x.v); }, false);
  }
}

TEST_F(EmulatedBlocks, PositionAttentionSeesInfinityAndNan) {
  const at::Tensor q = at::ones({1, 3, 1}), k = at::randn({1, 40, 1}), v = at::randn({1, 40, 2});
  k[0][7] = -kInfinity;
  const Attended got = ops::cuda_position(q, k, v);
  expect_near_double(got.out, ops::reference_position(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble)));
  k.fill_(-kInfinity);
  const Attended empty = ops::cuda_position(q, k, v);
  EXPECT_EQ(empty.out.abs().max().item<float>(), 0);
  EXPECT_TRUE(empty.lse.eq(-kInfinity).all().item<bool>());
  k[0][39] = NAN;
  EXPECT_TRUE(ops::cuda_position(q, k, v).out.isnan().all().item<bool>());
}

TEST_F(EmulatedBlocks, PositionAttentionStandsLargeScores) {
  const at::Tensor q = at::full({1, 5, 1}, 100.0), k = at::randn({1, 50, 1}) * 100, v = at::randn({1, 50, 3});
  const Attended got = ops::cuda_position(q, k, v);
  expect_near_double(got.out, ops::reference_position(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble)), 2e-3);
}

TEST_F(EmulatedBlocks, ASecondDerivativeIsRefused) {
  const at::Tensor x = at::randn({1, 4, 2}).requires_grad_(true);
  const at::Tensor out = ops::cuda_position(x, x, x).out.sum();
  expect_error(fovea::ErrorCode::kUsage, [&] { out.backward({}, true, true); });
}

TEST_F(EmulatedBlocks, AFailedLaunchNamesTheKernel) {
  cuda_emulation::fail_next_launch(719);
  const at::Tensor x = at::randn({1, 4, 2});
  expect_error(fovea::ErrorCode::kDevice, [&] { ops::cuda_position(x, x, x); });
}

}  // namespace
