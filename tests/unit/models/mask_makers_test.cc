// Mask makers: which key blocks each of them keeps.
#include <cstdlib>

#include <fovea/base/error.h>
#include <fovea/models/sparse_attention.h>

#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

MaskRequest request_of(std::int64_t queries, std::int64_t keys, std::int64_t block) {
  MaskRequest request;
  request.q = at::randn({2, 4, queries, 3}), request.k = at::randn({2, 2, keys, 3}), request.block = block;
  return request;
}

TEST(MaskMakers, AllOfThemFitTheOperatorAndSayWhereTheyComeFrom) {
  at::manual_seed(13);
  for (const NamedMaskMaker& maker : mask_makers()) {
    MaskRequest request = request_of(21, 34, 4);
    request.kept = largest_keys(at::randn({2, 2, 1, 34}), 20);
    request.q.set_requires_grad(true);
    const at::Tensor blocks = mask_maker(maker.name).make(request);
    const Attended done = block_sparse_attention(request.q, request.k, request.k, blocks, 4);
    EXPECT_EQ(done.out.sizes(), request.q.sizes()) << maker.name;
    EXPECT_FALSE(maker.source.empty() || maker.description.empty());
  }
  EXPECT_TRUE(mask_maker("pooled_score").adaptation);
  EXPECT_THROW(mask_maker("none such"), fovea::Error);
}

TEST(MaskMakers, PowersOfTwoReachFarInFewLayers) {
  MaskRequest request = request_of(64 * 3, 64 * 3, 3);
  const at::Tensor blocks = mask_maker("power_of_two").make(request)[0][0];
  for (std::int64_t i = 0; i < 64; ++i)
    for (std::int64_t j = 0; j < 64; ++j) {
      const std::int64_t apart = std::abs(i - j);
      const bool expected = apart <= 2 || j == 0 || (apart & (apart - 1)) == 0;
      ASSERT_EQ(blocks[i][j].item<bool>(), expected) << i << " " << j;
    }
  request.window_blocks = 1, request.sink_blocks = 0;
  at::Tensor step = mask_maker("power_of_two").make(request)[0][0].to(at::kFloat), reach = step;
  EXPECT_FALSE(reach.gt(0).all().item<bool>());
  for (int layer = 1; layer < 6; ++layer) reach = reach.mm(step).gt(0).to(at::kFloat);
  EXPECT_TRUE(reach.gt(0).all().item<bool>());  // 2^6 blocks after 6 layers
  request.window_blocks = 4;
  EXPECT_THROW(mask_maker("power_of_two").make(request), fovea::Error);
}

TEST(MaskMakers, DynamicBlocksNeedMoreThanHalfOfTheirOwnTokens) {
  MaskRequest request = request_of(4, 10, 4);
  request.kept = at::tensor({1, 1, 0, 0, 1, 1, 1, 0, 0, 1}, at::kLong).to(at::kBool).view({1, 1, 1, 10});
  const at::Tensor blocks = mask_maker("dynamic_top_k").make(request);
  EXPECT_TRUE(at::equal(blocks.flatten(), at::tensor({0, 1, 0}, at::kLong).to(at::kBool)));
  request.kept = at::Tensor();
  EXPECT_THROW(mask_maker("dynamic_top_k").make(request), fovea::Error);
}

TEST(MaskMakers, LandmarksLoadTheBestRegionsAndTheOwnBlock) {
  MaskRequest request = request_of(16, 16, 4);
  request.k.zero_(), request.q.fill_(1);
  request.k.slice(2, 8, 12).fill_(5);
  request.regions = 1;
  const at::Tensor expected = at::eye(4, at::kBool).index_fill_(1, at::tensor({2}, at::kLong), true);
  EXPECT_TRUE(at::equal(mask_maker("landmark").make(request)[1][3], expected));
  request.landmarks = at::zeros({2, 2, 4, 3}).index_fill_(2, at::tensor({1}, at::kLong), 1.0);
  EXPECT_TRUE(mask_maker("landmark").make(request)[0][0].select(1, 1).all().item<bool>());
  request.landmarks = at::zeros({2, 2, 3, 3});
  EXPECT_THROW(mask_maker("landmark").make(request), fovea::Error);
}

}  // namespace
