// Tensors of more than 2^31 elements, made of few bytes by strides of zero: indices must be 64 bits wide everywhere.
#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fovea/models/attention.h>
#include <fovea/models/linear_attention.h>

namespace {

using namespace fovea::attention;

constexpr std::int64_t kMany = (std::int64_t{1} << 31) + 4099;

TEST(HugeTensors, PoolingReadsRowsBeyondTheThirtyOneBitLimit) {
  const std::int64_t width = 2048, n = kMany / width + 1;
  ASSERT_GT(n * width, std::int64_t{1} << 31);
  const at::Tensor row = at::randn({1, width}), x = row.expand({n, width});
  const GateWeights w{at::randn({2, width}) / 45, at::zeros({2}), {}, {}, at::randn({1, 2}), at::zeros({1})};
  const Pooled pooled = gated_pool(x, w);
  EXPECT_EQ(pooled.scores.size(1), n);
  EXPECT_TRUE(at::allclose(pooled.z, row, 1e-4, 1e-5));
  EXPECT_NEAR(pooled.entropy.item<double>(), std::log(static_cast<double>(n)), 1e-3);
}

TEST(HugeTensors, LinearAttentionReadsKeysBeyondTheThirtyOneBitLimit) {
  const std::int64_t width = 1024, n = kMany / width + 1;
  const at::Tensor key = at::randn({1, 1, 1, width}), value = at::randn({1, 1, 1, 1});
  const at::Tensor out =
      linear_attention(at::randn({1, 1, 3, width}), key.expand({1, 1, n, width}), value.expand({1, 1, n, 1}));
  EXPECT_TRUE(at::allclose(out, value.expand({1, 1, 3, 1}), 1e-3, 1e-4));
}

}  // namespace
