// Attention pooling and gates: fixed bits, agreement of the back ends, edges, gradients.
#include <cmath>
#include <limits>
#include <random>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "attention/kernels/pool.h"
#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using testing_tools::BackendScope;

GateWeights random_gate(std::int64_t d, std::int64_t h, std::int64_t k, at::ScalarType type = at::kFloat,
                        bool gated = true) {
  const auto options = at::TensorOptions(type);
  GateWeights w;
  w.wv = at::randn({h, d}, options) / std::sqrt(static_cast<double>(d)), w.bv = at::randn({h}, options) * 0.1;
  if (gated)
    w.wu = at::randn({h, d}, options) / std::sqrt(static_cast<double>(d)), w.bu = at::randn({h}, options) * 0.1;
  w.w = at::randn({k, h}, options), w.b = at::randn({k}, options);
  return w;
}

void expect_same_bits(const Pooled& a, const Pooled& b) {
  EXPECT_TRUE(at::equal(a.z, b.z));
  EXPECT_TRUE(at::equal(a.scores, b.scores));
  EXPECT_TRUE(at::equal(a.lse, b.lse));
  EXPECT_TRUE(at::equal(a.entropy, b.entropy));
}

void expect_close(const at::Tensor& a, const at::Tensor& b, double tolerance) {
  EXPECT_LE((a - b).abs().max().item<double>(), tolerance) << "shapes " << a.sizes() << " " << b.sizes();
}

class PoolSizes : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t, bool>> {};

TEST_P(PoolSizes, NativeAgreesWithReference) {
  const auto [n, k, gated] = GetParam();
  at::manual_seed(7 + n);
  const auto x = at::randn({n, 48});
  const auto w = random_gate(48, 32, k, at::kFloat, gated);
  const Pooled native = gated_pool(x, w);
  const BackendScope scope(Backend::kReference);
  const Pooled reference = gated_pool(x, w);
  expect_close(native.z, reference.z, 2e-5);
  expect_close(native.scores, reference.scores, 2e-5);
  expect_close(native.lse, reference.lse, 2e-5);
  expect_close(native.entropy, reference.entropy, 2e-4);
}
INSTANTIATE_TEST_SUITE_P(Many, PoolSizes,
                         testing::Combine(testing::Values(1, 2, 17, 1023, 1024, 1025, 5000), testing::Values(1, 5),
                                          testing::Bool()));

TEST(PoolStream, BitsDoNotDependOnChunksOrThreads) {
  at::manual_seed(3);
  const auto x = at::randn({5003, 40});
  const auto w = random_gate(40, 24, 3);
  const auto reduce = at::randn({40, 40});
  const auto transform = [&](const at::Tensor& rows) { return at::relu(at::mm(rows, reduce)); };
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  auto whole = make_gated_pool_stream(w, transform);
  whole->push(x);
  const Pooled expected = whole->finish();
  std::mt19937 random(11);
  for (int trial = 0; trial < 8; ++trial) {
    at::set_num_threads(1 + trial % 2);
    auto stream = make_gated_pool_stream(w, transform);
    for (std::int64_t at_row = 0; at_row < x.size(0);) {
      const std::int64_t count = std::min<std::int64_t>(
          x.size(0) - at_row, 1 + static_cast<std::int64_t>(random() % (trial < 4 ? 300 : 3000)));
      stream->push(x.slice(0, at_row, at_row + count));
      if (random() % 3 == 0) stream->snapshot();  // must not disturb the stream
      at_row += count;
    }
    EXPECT_EQ(stream->rows(), 5003);
    expect_same_bits(stream->finish(), expected);
  }
  at::set_num_threads(threads);
}

TEST(PoolStream, EqualsThePoolOfTheWholeBagBitForBit) {
  at::manual_seed(4);
  const auto x = at::randn({2600, 64});
  const auto w = random_gate(64, 32, 5);
  auto stream = make_gated_pool_stream(w);
  for (std::int64_t i = 0; i < 2600; i += 26) stream->push(x.slice(0, i, i + 26));
  expect_same_bits(stream->finish(), gated_pool(x, w));
}

TEST(Pool, WeightsSumToOneAndAreInvariantToTheOrderOfInstances) {
  at::manual_seed(5);
  const auto x = at::randn({1500, 32}, at::kDouble);
  const auto w = random_gate(32, 16, 4, at::kDouble);
  const Pooled pooled = gated_pool(x, w), turned = gated_pool(x.flip(0), w);
  expect_close(weights_of(pooled.scores).sum(1), at::ones({4}, at::kDouble), 1e-12);
  expect_close(pooled.z, turned.z, 1e-12);
}

TEST(Pool, AnEmptyBagIsAnErrorAndOneInstanceHasAllTheWeight) {
  const auto w = random_gate(8, 4, 2);
  EXPECT_THROW(gated_pool(at::zeros({0, 8}), w), fovea::Error);
  EXPECT_THROW(make_gated_pool_stream(w)->finish(), fovea::Error);
  const auto x = at::randn({1, 8});
  const Pooled pooled = gated_pool(x, w);
  expect_close(pooled.z, x.expand({2, 8}), 1e-6);
  expect_close(pooled.entropy, at::zeros({2}), 1e-6);
}

TEST(Pool, AFullyMaskedRowGivesZerosAndNoNan) {
  const auto scores =
      at::randn({2, 10}).index_fill_(0, at::zeros({1}, at::kLong), -std::numeric_limits<float>::infinity());
  for (Backend which : {Backend::kCpu, Backend::kReference}) {
    const BackendScope scope(which);
    const Pooled pooled = score_pool(scores, at::randn({10, 4}));
    EXPECT_EQ(pooled.z[0].abs().sum().item<float>(), 0);
    EXPECT_EQ(pooled.lse[0].item<float>(), -std::numeric_limits<float>::infinity());
    EXPECT_EQ(pooled.entropy[0].item<float>(), 0);
    EXPECT_FALSE(at::isnan(weights_of(pooled.scores)).any().item<bool>());
  }
}

TEST(Pool, HugeScoresDoNotOverflowAndNanIsNotHidden) {
  auto scores = at::zeros({1, 3000});
  scores[0][2500] = 1e4;
  scores[0][7] = -1e4;
  const auto x = at::randn({3000, 4});
  expect_close(score_pool(scores, x).z, x.slice(0, 2500, 2501), 1e-6);
  scores[0][5] = std::nanf("");
  EXPECT_TRUE(at::isnan(score_pool(scores, x).z).any().item<bool>());
}

TEST(Pool, GradientsMatchFiniteDifferences) {
  at::manual_seed(9);
  auto x = at::randn({7, 5}, at::kDouble).requires_grad_(true);
  GateWeights w = random_gate(5, 4, 3, at::kDouble);
  std::vector<at::Tensor> leaves{x, w.wv, w.bv, w.wu, w.bu, w.w, w.b};
  for (auto& leaf : leaves) leaf.requires_grad_(true);
  const auto cz = at::randn({3, 5}, at::kDouble), ch = at::randn({3}, at::kDouble), cl = at::randn({3}, at::kDouble);
  const auto value = [&] {
    const Pooled p = gated_pool(x, w);
    return (p.z * cz).sum() + (p.entropy * ch).sum() + (p.lse * cl).sum();
  };
  value().backward();
  for (auto& leaf : leaves) {
    const at::Tensor gradient = leaf.grad().clone().flatten();
    for (std::int64_t i = 0; i < leaf.numel(); ++i) {
      const at::NoGradGuard no_grad;
      auto entry = leaf.flatten()[i];
      const double h = 1e-6, before = entry.item<double>();
      leaf.view(-1)[i] = before + h;
      const double above = value().item<double>();
      leaf.view(-1)[i] = before - h;
      const double below = value().item<double>();
      leaf.view(-1)[i] = before;
      EXPECT_NEAR((above - below) / (2 * h), gradient[i].item<double>(), 1e-7);
    }
  }
}

TEST(PoolMath, MergingStatesIsTheSoftmaxOfTheUnion) {
  using namespace fovea::attention::kernels;
  const std::vector<float> a{1, -3, 700}, b{2, 699};
  std::vector<float> all = a, w(5);
  all.insert(all.end(), b.begin(), b.end());
  double scale_a = 0, scale_b = 0;
  const auto whole = softmax_split_cpu(all.data(), 5, w.data());
  const auto parts =
      merged(softmax_split_cpu(a.data(), 3, w.data()), softmax_split_cpu(b.data(), 2, w.data()), scale_a, scale_b);
  // The terms are float32 exponentials (6e-8 relative), summed in double.
  EXPECT_NEAR(lse_of(whole), lse_of(parts), 1e-7);
  EXPECT_NEAR(entropy_of(whole), entropy_of(parts), 1e-7);
  const auto with_nothing = merged(whole, neutral_state<double>(), scale_a, scale_b);
  EXPECT_EQ(with_nothing.l, whole.l);
  EXPECT_EQ(lse_of(neutral_state<double>()), -INFINITY);
  EXPECT_EQ(entropy_of(neutral_state<double>()), 0);
}

AttentionGateWeights random_gate3d(std::int64_t f, std::int64_t cg, std::int64_t cx, GateCombine combine) {
  return {at::randn({f, cg}),
          at::randn({f}),
          at::randn({f, cx}),
          at::randn({f}),
          at::randn({combine == GateCombine::kConcat ? 2 * f : f}),
          at::randn({1})};
}

class GateForms : public testing::TestWithParam<std::tuple<GateCombine, int, bool>> {};

TEST_P(GateForms, BlockedAgreesWithReference) {
  const auto [combine, dims, last] = GetParam();
  at::manual_seed(21);
  std::vector<std::int64_t> gs{2, 6, 19, 23}, xs{2, 5, 19, 23};
  if (dims == 3) gs.push_back(17), xs.push_back(17);
  auto g = at::randn(gs), x = at::randn(xs);
  if (last) {
    const auto format = dims == 3 ? at::MemoryFormat::ChannelsLast3d : at::MemoryFormat::ChannelsLast;
    g = g.contiguous(format), x = x.contiguous(format);
  }
  const auto w = random_gate3d(4, 6, 5, combine);
  const Gated native = attention_gate(g, x, w, combine, true);
  const BackendScope scope(Backend::kReference);
  const Gated reference = attention_gate(g, x, w, combine, true);
  expect_close(native.out, reference.out, 1e-5);
  expect_close(native.alpha, reference.alpha, 1e-5);
  EXPECT_FALSE(attention_gate(g, x, w, combine).alpha.defined());
}
INSTANTIATE_TEST_SUITE_P(All, GateForms,
                         testing::Combine(testing::Values(GateCombine::kConcat, GateCombine::kAdd),
                                          testing::Values(2, 3), testing::Bool()));

TEST(Gate, DifferentGridsAreRefused) {
  const auto w = random_gate3d(4, 6, 5, GateCombine::kConcat);
  EXPECT_THROW(attention_gate(at::randn({1, 6, 4, 4}), at::randn({1, 5, 8, 8}), w, GateCombine::kConcat), fovea::Error);
}

}  // namespace
