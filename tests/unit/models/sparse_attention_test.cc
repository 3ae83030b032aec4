// Block-sparse attention, rectification, dynamic masks, landmark weights.
#include <cmath>
#include <random>

#include <ATen/Parallel.h>

#include <fovea/base/error.h>
#include <fovea/models/sparse_attention.h>

#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

struct Tokens {
  at::Tensor q, k, v;
};

Tokens random_tokens(Sizes q, Sizes k, std::int64_t dv, at::ScalarType type = at::kDouble) {
  Sizes v = k;
  v.back() = dv;
  return {at::randn(q, type), at::randn(k, type), at::randn(v, type)};
}

/// One number after the other; heads share keys.
Attended naive_block_sparse(const Tokens& t, const at::Tensor& blocks, std::int64_t block, double scale) {
  Attended all{at::zeros({t.q.size(0), t.q.size(1), t.q.size(2), t.v.size(3)}, at::kDouble),
               at::full({t.q.size(0), t.q.size(1), t.q.size(2)}, -kInfinity, at::kDouble)};
  for (std::int64_t b = 0; b < t.q.size(0); ++b)
    for (std::int64_t h = 0; h < t.q.size(1); ++h)
      for (std::int64_t i = 0; i < t.q.size(2); ++i) {
        const std::int64_t shared = h * t.k.size(1) / t.q.size(1);
        const at::Tensor row = blocks[blocks.size(0) > 1 ? b : 0][blocks.size(1) > 1 ? h : 0][i / block];
        double sum = 0;
        at::Tensor out = at::zeros({t.v.size(3)}, at::kDouble);
        for (std::int64_t j = 0; j < t.k.size(2); ++j) {
          if (!row[j / block].item<bool>()) continue;
          const double e = std::exp(t.q[b][h][i].dot(t.k[b][shared][j]).item<double>() * scale);
          sum += e;
          out += e * t.v[b][shared][j];
        }
        if (sum == 0) continue;
        all.out[b][h][i] = out / sum;
        all.lse[b][h][i] = std::log(sum);
      }
  return all;
}

TEST(BlockSparse, EveryPathAgreesWithTheSumOverKeptPairs) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 8; ++trial) {
    at::manual_seed(trial);
    const auto size = [&](int most) { return 1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(most)); };
    const std::int64_t d = size(5), lq = size(13), lk = size(17), block = size(6), heads = 1 + trial % 2;
    Tokens t = random_tokens({2, 2, lq, d}, {2, heads, lk, d}, size(4));
    t.k = t.k.transpose(2, 3).contiguous().transpose(2, 3);
    const at::Tensor blocks =
        at::rand({trial % 3 ? 2 : 1, trial % 4 ? 2 : 1, (lq + block - 1) / block, (lk + block - 1) / block}).gt(0.5);
    const Attended expected = naive_block_sparse(t, blocks, block, 0.7);
    expect_close(block_sparse_attention(t.q, t.k, t.v, blocks, block, 0.7), expected, 1e-12);
    t.q.set_requires_grad(true);
    const Attended graph = block_sparse_attention(t.q, t.k, t.v, blocks, block, 0.7);
    EXPECT_TRUE(graph.out.requires_grad());
    expect_close({graph.out.detach(), graph.lse.detach()}, expected, 1e-12);
    const BackendScope scope(Backend::kReference);
    expect_close(block_sparse_attention(t.q.detach(), t.k, t.v, blocks, block, 0.7), expected, 1e-12);
  }
}

TEST(BlockSparse, BitsDoNotDependOnTheNumberOfThreads) {
  at::manual_seed(14);
  const Tokens t = random_tokens({1, 1, 500, 32}, {1, 1, 700, 32}, 32, at::kFloat);
  const int threads = at::get_num_threads();
  for (std::int64_t block : {64, 1000}) {
    const at::Tensor blocks = at::rand({1, 1, (499 + block) / block, (699 + block) / block}).gt(0.3);
    at::set_num_threads(1);
    const Attended one = block_sparse_attention(t.q, t.k, t.v, blocks, block);
    at::set_num_threads(2);
    const Attended two = block_sparse_attention(t.q, t.k, t.v, blocks, block);
    EXPECT_TRUE(at::equal(one.out, two.out) && at::equal(one.lse, two.lse)) << block;
  }
  at::set_num_threads(threads);
}

TEST(BlockSparse, AllBlocksAreDenseAttention) {
  at::manual_seed(2);
  const Tokens t = random_tokens({1, 2, 50, 8}, {1, 2, 70, 8}, 8, at::kFloat);
  expect_close(block_sparse_attention(t.q, t.k, t.v, at::ones({1, 1, 4, 5}, at::kBool), 16), attention(t.q, t.k, t.v),
               2e-6);
}

TEST(BlockSparse, GradientsMatchFiniteDifferencesWithEmptyRows) {
  at::manual_seed(3);
  const Tokens t = random_tokens({1, 2, 5, 3}, {1, 1, 7, 3}, 2);
  const at::Tensor blocks =
      at::tensor({1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1}, at::kLong).to(at::kBool).view({1, 1, 3, 4});
  const at::Tensor a = doubles({1, 2, 5, 2}), seen = at::tensor({0, 1, 4}, at::kLong);
  expect_gradients({t.q, t.k, t.v}, [&] {
    const Attended done = block_sparse_attention(t.q, t.k, t.v, blocks, 2);
    return (done.out * a).sum() + done.lse.index_select(2, seen).square().sum();
  });
}

TEST(BlockSparse, NothingKeptGivesZerosAndZeroGradientEvenBesideNan) {
  Tokens t = random_tokens({1, 1, 4, 3}, {1, 1, 4, 3}, 2);
  t.q[0][0][0][0] = std::nan("");
  const at::Tensor none = at::zeros({1, 1, 2, 2}, at::kBool);
  for (const bool graph : {false, true}) {
    t.q.set_requires_grad(graph);
    const Attended done = block_sparse_attention(t.q, t.k, t.v, none, 2);
    EXPECT_EQ(done.out.abs().max().item<double>(), 0);
    EXPECT_TRUE(done.lse.eq(-kInfinity).all().item<bool>());
    if (graph) (done.out.sum() + done.lse.exp().sum()).backward();
  }
  EXPECT_EQ(t.q.grad().abs().max().item<double>(), 0);
}

TEST(BlockSparse, DroppedBlocksAreUnreadHugeScoresAreFineAndNanStays) {
  Tokens t = random_tokens({1, 1, 4, 2}, {1, 1, 6, 2}, 2, at::kFloat);
  t.q.fill_(100), t.k.fill_(-100);
  t.k[0][0][1].fill_(100);
  const at::Tensor blocks = at::tensor({1, 0, 1, 1, 0, 1}, at::kLong).to(at::kBool).view({1, 1, 2, 3});
  t.v.slice(2, 2, 4).fill_(std::nanf(""));
  const Attended done = block_sparse_attention(t.q, t.k, t.v, blocks, 2, 0.5);  // scores of 1e4
  expect_close(done.out[0][0], t.v[0][0][1].expand({4, 2}), 1e-6);
  t.k[0][0][5][0] = std::nanf("");
  EXPECT_TRUE(at::isnan(block_sparse_attention(t.q, t.k, t.v, blocks, 2).out).all().item<bool>());
}

TEST(BlockSparse, BadShapesAreRefused) {
  const Tokens t = random_tokens({1, 2, 4, 3}, {1, 2, 6, 3}, 2);
  const auto blocks = [](std::int64_t rows, std::int64_t columns) {
    return at::ones({1, 1, rows, columns}, at::kBool);
  };
  EXPECT_NO_THROW(block_sparse_attention(t.q, t.k, t.v, blocks(2, 3), 2));
  EXPECT_THROW(block_sparse_attention(t.q, t.k, t.v, blocks(3, 2), 2), fovea::Error);
  EXPECT_THROW(block_sparse_attention(t.q, t.k, t.v, blocks(2, 3).to(at::kFloat), 2), fovea::Error);
  EXPECT_THROW(block_sparse_attention(t.q, t.k, t.v, blocks(2, 3), 0), fovea::Error);
  EXPECT_THROW(block_sparse_attention(t.q, t.k.slice(2, 0, 0), t.v.slice(2, 0, 0), blocks(2, 0), 2), fovea::Error);
  EXPECT_THROW(block_sparse_attention(t.q, t.k, t.v.slice(2, 1), blocks(2, 3), 2), fovea::Error);
}

TEST(Rectified, MeansIgnorePaddingAndSelectionFollowsTheMass) {
  const at::Tensor x = at::arange(10, at::kDouble).view({1, 1, 5, 2});
  expect_close(block_means(x, 2), at::tensor({1., 2., 5., 6., 8., 9.}, at::kDouble).view({1, 1, 3, 2}), 1e-15);
  const at::Tensor weights = at::tensor({0.1, 0.4, 0.4, 0.1}, at::kDouble);
  const auto chosen = [&](double mass, std::int64_t least) {
    return largest_until(weights, mass, least).sum().item<std::int64_t>();
  };
  EXPECT_TRUE(largest_until(weights, 0.3, 1)[1].item<bool>());  // of two equal ones the first
  EXPECT_EQ(chosen(0.3, 1), 1);
  EXPECT_EQ(chosen(0.5, 1), 2);
  EXPECT_EQ(chosen(0.3, 3), 3);
  EXPECT_EQ(chosen(2.0, 1), 4);
}

/// The definition over blocks, in loops; the sparse part is checked elsewhere.
at::Tensor naive_rectified(const Tokens& t, const Rectified& r, std::int64_t block) {
  at::Tensor out = at::zeros_like(r.out);
  for (std::int64_t h = 0; h < t.q.size(1); ++h)
    for (std::int64_t i = 0; i < t.q.size(2); ++i) {
      double share = 0;
      for (std::int64_t j = 0; j < r.pooled.size(3); ++j) {
        const double p = r.pooled[0][h][i / block][j].item<double>();
        if (r.critical[0][h][i / block][j].item<bool>())
          share += p;
        else
          out[0][h][i] += p * t.v[0][h].slice(0, j * block, (j + 1) * block).mean(0);
      }
      out[0][h][i] += share * r.sparse.out[0][h][i];
    }
  return out;
}

TEST(Rectified, FollowsTheDefinitionWithAShortLastBlock) {
  at::manual_seed(4);
  Tokens t = random_tokens({1, 2, 11, 4}, {1, 2, 14, 4}, 3);
  t.q = t.q + 1.5, t.k = t.k * 0.4 + doubles({1, 2, 1, 4});  // some means outweigh the deviations
  RectifiedOptions options;
  options.block = 4, options.mass = 0.4;
  const Rectified r = rectified_block_sparse_attention(t.q, t.k, t.v, options);
  expect_close(r.out, naive_rectified(t, r, 4), 1e-12);
  expect_close(r.sparse, block_sparse_attention(t.q, t.k, t.v, r.blocks, 4), 1e-14);
  expect_close(r.pooled.sum(-1), at::ones({1, 2, 3}, at::kDouble), 1e-12);
  EXPECT_TRUE(r.critical.logical_or(r.blocks.logical_not()).all().item<bool>());
  EXPECT_FALSE(r.critical.all().item<bool>());
  for (std::int64_t h = 0; h < 2; ++h)
    for (std::int64_t i = 0; i < 3; ++i)
      for (std::int64_t j = 0; j < 4; ++j) {
        const at::Tensor q = t.q[0][h].slice(0, i * 4, i * 4 + 4), k = t.k[0][h].slice(0, j * 4, j * 4 + 4);
        const at::Tensor dq = (q - q.mean(0)).abs().mean(0), dk = (k - k.mean(0)).abs().mean(0);
        const auto product = [](const at::Tensor& a, const at::Tensor& b) { return std::abs(a.dot(b).item<double>()); };
        const bool passes = product(q.mean(0), k.mean(0)) > product(dq, k.mean(0)) + product(q.mean(0), dk);
        EXPECT_EQ(r.critical[0][h][i][j].item<bool>(), r.blocks[0][h][i][j].item<bool>() || !passes);
      }
}

TEST(Rectified, BlocksOfOneTokenWithAnyMaskAreDenseAttentionWhenNothingDeviates) {
  at::manual_seed(5);
  const Tokens t = random_tokens({1, 1, 9, 4}, {1, 1, 9, 4}, 3);
  RectifiedOptions options;
  options.block = 1, options.blocks = at::rand({1, 1, 9, 9}).gt(0.5);
  options.blocks.diagonal(0, 2, 3).fill_(true);
  expect_close(rectified_block_sparse_attention(t.q, t.k, t.v, options).sparse,
               block_sparse_attention(t.q, t.k, t.v, options.blocks, 1), 1e-14);
  // A block of one token is its own mean: dropped weights return through P, kept ones are rescaled by their share.
  expect_close(rectified_block_sparse_attention(t.q, t.k, t.v, options).out, attention(t.q, t.k, t.v).out, 1e-12);
}

TEST(Rectified, GradientsMatchFiniteDifferences) {
  at::manual_seed(6);
  Tokens t = random_tokens({1, 1, 5, 3}, {1, 1, 6, 3}, 2);
  t.q += 1, t.k += 1;
  RectifiedOptions options;
  options.block = 2, options.mass = 0.3;
  const at::Tensor a = doubles({1, 1, 5, 2});
  expect_gradients({t.q, t.k, t.v},
                   [&] { return (rectified_block_sparse_attention(t.q, t.k, t.v, options).out * a).sum(); });
}

struct DynamicCase {
  Tokens t = random_tokens({2, 4, 6, 3}, {2, 2, 9, 3}, 3);
  at::Tensor wdt = doubles({2, 6}), a = doubles({2});
  DynamicMasked run(std::int64_t width, const c10::optional<at::Tensor>& keep = {}) const {
    return dynamic_mask_attention(t.q, t.k, t.v, wdt, a, width, keep);
  }
};

TEST(DynamicMask, GatheredKeysAgreeWithTheMaskedDefinition) {
  at::manual_seed(7);
  const DynamicCase c;
  at::Tensor keep = at::rand({2, 9}).gt(0.4);
  keep[1].fill_(false);
  keep[1][4] = true;
  for (std::int64_t width : {1, 4, 9, 20}) {
    const DynamicMasked fast = c.run(width, keep), whole = c.run(width);
    const BackendScope scope(Backend::kReference);
    expect_close(fast.attended, c.run(width, keep).attended, 1e-12);
    expect_close(whole.attended, c.run(width).attended, 1e-12);
    EXPECT_TRUE(whole.kept.sum(-1).eq(std::min<std::int64_t>(width, 9)).all().item<bool>());
    EXPECT_EQ(fast.kept[1].sum().item<std::int64_t>(), 2);  // one a head
  }
  const DynamicMasked none = c.run(4, at::zeros({9}, at::kBool));
  EXPECT_EQ(none.attended.out.abs().max().item<double>(), 0);
  EXPECT_TRUE(none.attended.lse.eq(-kInfinity).all().item<bool>());
}

TEST(DynamicMask, BiasIsTheSoftplusOfAllHeadsValues) {
  at::manual_seed(8);
  const DynamicCase c;
  const at::Tensor bias = dynamic_bias(c.t.v, c.wdt, c.a);
  for (std::int64_t h = 0; h < 2; ++h)
    for (std::int64_t n = 0; n < 9; ++n) {
      const at::Tensor token = at::cat({c.t.v[1][0][n], c.t.v[1][1][n]});
      const double expected = c.a[h].item<double>() * std::log1p(std::exp(c.wdt[h].dot(token).item<double>()));
      EXPECT_NEAR(bias[1][h][0][n].item<double>(), expected, 1e-12);
    }
  const at::Tensor equal = largest_keys(at::zeros({1, 1, 1, 6}), 2);
  EXPECT_TRUE(at::equal(equal[0][0][0], at::arange(6).lt(2)));
  EXPECT_THROW(largest_keys(bias, 0), fovea::Error);
  EXPECT_THROW(largest_keys(bias, 2, at::ones({8}, at::kBool)), fovea::Error);
  EXPECT_THROW(dynamic_bias(c.t.v, c.wdt.t(), c.a), fovea::Error);
}

TEST(DynamicMask, GradientsMatchFiniteDifferences) {
  at::manual_seed(9);
  const DynamicCase c;
  const at::Tensor weight = doubles({2, 4, 6, 3}), keep = at::arange(9).ne(3);
  expect_gradients({c.t.q, c.t.k, c.t.v, c.wdt, c.a},
                   [&] { return (c.run(5, keep).attended.out * weight).sum() + c.run(5, keep).attended.lse.sum(); });
}

TEST(Landmark, WeightsSumToOneAndFollowTheTwoLevels) {
  at::manual_seed(10);
  const at::Tensor tokens = doubles({3, 4, 5}) * 3, marks = doubles({3, 4}) * 3, local = doubles({3, 6});
  const LandmarkWeights w = landmark_weights(tokens, marks, local);
  expect_close(w.tokens.sum(-1).sum(-1) + w.local.sum(-1), at::ones({3}, at::kDouble), 1e-13);
  const double total = (marks[1].exp().sum() + local[1].exp().sum()).item<double>();
  const double inside = (tokens[1][2][3].exp() / tokens[1][2].exp().sum()).item<double>();
  EXPECT_NEAR(w.tokens[1][2][3].item<double>(), inside * std::exp(marks[1][2].item<double>()) / total, 1e-13);
  expect_close(landmark_weights(tokens, marks, local.slice(1, 0, 0)).tokens.sum(-1).sum(-1), at::ones({3}, at::kDouble),
               1e-13);
}

TEST(Landmark, EmptyRegionsDropTheirLandmarkAndNothingGivesZeros) {
  at::manual_seed(11);
  at::Tensor tokens = at::randn({2, 3, 4}), marks = at::randn({2, 3}) * 1e4, local = at::randn({2, 2});
  tokens[0][1].fill_(-kInfinity);
  tokens[1].fill_(-kInfinity), local[1].fill_(-kInfinity);
  const LandmarkWeights w = landmark_weights(tokens, marks, local);
  EXPECT_EQ(w.tokens[0][1].abs().sum().item<float>(), 0);
  EXPECT_NEAR((w.tokens[0].sum() + w.local[0].sum()).item<double>(), 1, 1e-6);
  EXPECT_EQ((w.tokens[1].abs().sum() + w.local[1].abs().sum()).item<float>(), 0);
  EXPECT_THROW(landmark_weights(tokens, marks.slice(1, 1), local), fovea::Error);
  EXPECT_THROW(landmark_weights(tokens.slice(2, 0, 0), marks, local), fovea::Error);
}

TEST(Landmark, GradientsMatchFiniteDifferences) {
  at::manual_seed(12);
  const at::Tensor tokens = doubles({2, 3, 2}), marks = doubles({2, 3}), local = doubles({2, 2});
  const at::Tensor a = doubles({2, 3, 2}), b = doubles({2, 2});
  expect_gradients({tokens, marks, local}, [&] {
    const LandmarkWeights w = landmark_weights(tokens, marks, local);
    return (w.tokens * a).sum() + (w.local * b).sum();
  });
}

}  // namespace
