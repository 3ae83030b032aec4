// The Hopper path's index arithmetic: its PTX cannot be emulated, where its values lie can.
#include <set>
#include <utility>

#include <cuda_bf16.h>
#include <gtest/gtest.h>

#include "attention/kernels/hopper_layout.cuh"
#include "attention/kernels/launch.h"
#include "attention/ops/cuda_pool.h"
#include "emulated.h"
#include "pool_inputs.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::kernels;
using namespace testing_tools;

TEST(HopperLayout, AWarpGroupHoldsEveryValueOnceAndBothHalvesOfAUnitInOneThread) {
  std::set<std::pair<int, int>> seen;
  for (int thread = 0; thread < 128; ++thread)
    for (int i = 0; i < kHopperAccumulators; ++i) {
      seen.emplace(accumulator_row(thread, i), accumulator_column(thread, i));
      if (i >= kHopperAccumulators / 2) continue;
      EXPECT_EQ(accumulator_column(thread, i + kHopperAccumulators / 2), accumulator_column(thread, i) + kHopperUnits);
      EXPECT_EQ(accumulator_row(thread, i + kHopperAccumulators / 2), accumulator_row(thread, i));
    }
  EXPECT_EQ(seen.size(), 64u * 128u);
  EXPECT_EQ(seen.rbegin()->first, 63);
  // PTX ISA, figure of the D fragment of m64nNk16: thread 5's first four values.
  EXPECT_EQ(accumulator_row(5, 0), 1);
  EXPECT_EQ(accumulator_column(5, 0), 2);
  EXPECT_EQ(accumulator_column(5, 1), 3);
  EXPECT_EQ(accumulator_row(5, 2), 9);
  EXPECT_EQ(accumulator_row(37, 0), 17);
  EXPECT_EQ(accumulator_column(5, 4), 10);
}

TEST(HopperLayout, DescriptorsHoldAddressSwizzleAndStride) {
  const std::uint64_t at_4096 = matrix_descriptor(4096), next = matrix_descriptor(4096 + 32);
  EXPECT_EQ(at_4096 & 0x3fffu, 4096u / 16);
  EXPECT_EQ(next - at_4096, 2u);
  EXPECT_EQ(at_4096 >> 32 & 0x3fffu, 1024u / 16);
  EXPECT_EQ(at_4096 >> 62, 1u);
}

/// What a consumer does with its accumulator, which is filled by its definition instead of by wgmma.
__global__ void scores_of_accumulators(const float* x, const __nv_bfloat16* packed, std::int64_t rows, GateView gate,
                                       KeepView keep, float* scores) {
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t first_row = blockIdx.x * 64;
  float sums[2][kHopperBranches] = {};
  for (std::int64_t unit = 0; unit < gate.hidden; unit += kHopperUnits) {
    float pre[kHopperAccumulators] = {};
    for (int i = 0; i < kHopperAccumulators; ++i) {
      const std::int64_t row = first_row + accumulator_row(thread, i);
      const std::int64_t line = 2 * unit + accumulator_column(thread, i);
      for (std::int64_t d = 0; d < gate.width && row < rows; ++d)
        pre[i] += x[row * gate.width + d] * __bfloat162float(packed[line * gate.width + d]);
    }
    add_accumulator_dots(pre, thread, gate, unit, sums);
  }
  store_accumulator_scores(sums, thread, first_row, rows, gate, keep, scores, rows);
}

TEST(HopperLayout, PackedWeightsAndTheEpilogueGiveTheScores) {
  const Bag bag({90, 16, 70, 5, true, true});
  const ops::CudaGate gate(bag.weights);
  const at::Tensor packed = at::full({packed_rows(70), 16}, std::nanf(""), at::kBFloat16),
                   got = at::full({5, 90}, std::nanf(""));
  ASSERT_EQ(fovea_cuda_pack_gate(gate.view(), packed.mutable_data_ptr(), nullptr), 0);
  EXPECT_FALSE(at::isnan(packed).any().item<bool>());
  in_every_order([&] {
    ASSERT_EQ(FOVEA_LAUNCH(scores_of_accumulators, Grid{2}, 128, 0, nullptr, bag.x.const_data_ptr<float>(),
                           static_cast<const __nv_bfloat16*>(packed.const_data_ptr()), std::int64_t{90}, gate.view(),
                           ops::keep_view(bag.keep(), bag.fill), got.mutable_data_ptr<float>()),
              0);
    expect_close(got.to(at::kDouble), bag.exact(bag.keep()).scores, 3e-2);
  });
}

}  // namespace
