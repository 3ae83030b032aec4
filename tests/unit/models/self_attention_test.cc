// Dense self-attention and learned-query pooling against loops written from the formulas.
#include <cmath>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/models/self_attention.h>

#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

/// The formulas of 3.4 and 3.5, one query at a time. keep and bias are [Lq, Lk] here.
Attended naive(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionOptions& o) {
  const auto heads = q.size(1), queries = q.size(2), keys = k.size(2);
  Attended all{at::zeros({q.size(0), heads, queries, v.size(3)}, at::kDouble),
               at::zeros({q.size(0), heads, queries}, at::kDouble)};
  for (std::int64_t b = 0; b < q.size(0); ++b)
    for (std::int64_t h = 0; h < heads; ++h)
      for (std::int64_t i = 0; i < queries; ++i) {
        const auto shared = h * k.size(1) / heads;
        std::vector<double> s;
        std::vector<std::int64_t> kept;
        for (std::int64_t j = 0; j < keys; ++j) {
          if (o.keep.defined() && !o.keep[i][j].item<bool>()) continue;
          const double bias = o.bias.defined() ? o.bias[i][j].item<double>() : 0.0;
          s.push_back((q[b][h][i] * k[b][shared][j]).sum().item<double>() / std::sqrt(static_cast<double>(q.size(3))) +
                      bias);
          kept.push_back(j);
        }
        double sum = 0;
        for (double value : s) sum += std::exp(value);
        const double n = static_cast<double>(kept.size());
        for (std::size_t j = 0; j < kept.size(); ++j) {
          double a = std::exp(s[j]) / sum;
          if (o.normaliser == Normaliser::kSoftmaxSink) a = std::exp(s[j]) / (sum + std::exp(o.sink[h].item<double>()));
          if (o.normaliser == Normaliser::kSigmoid) a = 1 / (1 + std::exp(-s[j] + std::log(n)));
          if (o.normaliser == Normaliser::kAffine) {
            const double alpha = o.alpha[b][h][i].item<double>();
            a = alpha * a + (o.alpha_mean - alpha) / n;
          }
          all.out[b][h][i] += a * v[b][shared][kept[j]];
        }
        all.lse[b][h][i] = std::log(sum);
      }
  return all;
}

AttentionOptions random_options(Normaliser normaliser, std::int64_t batch, std::int64_t heads, std::int64_t queries,
                                std::int64_t keys, bool masked) {
  AttentionOptions o;
  o.normaliser = normaliser;
  if (normaliser == Normaliser::kSoftmaxSink) o.sink = doubles({heads});
  if (normaliser == Normaliser::kAffine) o.alpha = at::rand({batch, heads, queries}, at::kDouble), o.alpha_mean = 0.4;
  if (!masked) return o;
  o.keep = at::rand({queries, keys}).gt(0.4);
  o.keep[queries - 1].fill_(false);
  o.bias = doubles({queries, keys});
  return o;
}

/// The naive loop wants [Lq, Lk], the operator [B, Lq, Lk] or 4-D.
AttentionOptions for_operator(AttentionOptions o) {
  if (o.keep.defined()) o.keep = o.keep.unsqueeze(0).unsqueeze(0);
  return o;
}

class Normalisers : public testing::TestWithParam<std::tuple<Normaliser, bool>> {};

TEST_P(Normalisers, AgreeWithTheFormulasOnEveryPath) {
  const auto [normaliser, masked] = GetParam();
  at::manual_seed(5);
  const auto q = doubles({2, 4, 9, 6}), k = doubles({2, 2, 11, 6}), v = doubles({2, 2, 11, 6});
  const AttentionOptions o = random_options(normaliser, 2, 4, 9, 11, masked);
  const Attended expected = naive(q, k, v, o);
  expect_close(attention(q, k, v, for_operator(o)), expected, 1e-12);
  AttentionOptions short_form = for_operator(o);
  short_form.want_lse = false;
  expect_close(attention(q, k, v, short_form).out, expected.out, 1e-12);
  EXPECT_FALSE(attention(q, k, v, short_form).lse.defined());
  const auto weights = attention_weights(q, k, for_operator(o));
  expect_close(at::matmul(weights, v.repeat_interleave(2, 1)), expected.out, 1e-12);
  const BackendScope scope(Backend::kReference);
  expect_close(attention(q, k, v, for_operator(o)), expected, 1e-12);
}

TEST_P(Normalisers, BlocksOfQueriesAgreeWithTheReferenceInFloat) {
  const auto [normaliser, masked] = GetParam();
  at::manual_seed(6);
  // Non-contiguous inputs, and enough keys for several blocks.
  const auto q = at::randn({1, 70, 4, 8}).transpose(1, 2), k = at::randn({1, 9000, 2, 8}).transpose(1, 2),
             v = at::randn({1, 9000, 2, 5}).transpose(1, 2);
  AttentionOptions o = for_operator(random_options(normaliser, 1, 4, 70, 9000, masked));
  for (at::Tensor* t : {&o.bias, &o.sink, &o.alpha})
    if (t->defined()) *t = t->to(at::kFloat);
  const Attended blocked = attention(q, k, v, o);
  const BackendScope scope(Backend::kReference);
  expect_close(blocked, attention(q, k, v, o), 5e-6);
}

TEST_P(Normalisers, GradientsMatchFiniteDifferences) {
  const auto [normaliser, masked] = GetParam();
  at::manual_seed(7);
  const auto q = doubles({1, 2, 4, 3}), k = doubles({1, 1, 5, 3}), v = doubles({1, 1, 5, 2});
  const AttentionOptions o = for_operator(random_options(normaliser, 1, 2, 4, 5, masked));
  const auto cz = doubles({1, 2, 4, 2}), cl = doubles({1, 2, 4});
  std::vector<at::Tensor> leaves{q, k, v};
  for (const at::Tensor& t : {o.bias, o.sink, o.alpha})
    if (t.defined()) leaves.push_back(t);
  expect_gradients(leaves, [&] {
    const Attended a = attention(q, k, v, o);
    return (a.out * cz).sum() + (a.lse.masked_fill(a.lse.eq(-kInfinity), 0) * cl).sum();
  });
}
INSTANTIATE_TEST_SUITE_P(All, Normalisers,
                         testing::Combine(testing::Values(Normaliser::kSoftmax, Normaliser::kSoftmaxSink,
                                                          Normaliser::kSigmoid, Normaliser::kAffine),
                                          testing::Bool()));

TEST(SelfAttention, KeyMasksOfEveryFormMeanTheSame) {
  at::manual_seed(8);
  const auto q = doubles({1, 2, 5, 4}), k = doubles({1, 2, 7, 4}), v = doubles({1, 2, 7, 4});
  AttentionOptions o;
  const auto keep = at::rand({7}).gt(0.3);
  o.keep = keep;
  const Attended expected = attention(q, k, v, o);
  for (const at::Tensor& form :
       {keep.unsqueeze(0), keep.expand({1, 5, 7}), keep.expand({1, 1, 5, 7}), keep.view({1, 1, 1, 7})}) {
    o.keep = form;
    expect_close(attention(q, k, v, o), expected, 1e-14);
  }
}

TEST(SelfAttention, AQueryWithoutKeysGivesZeroAndNoNanInBothDirections) {
  for (Normaliser normaliser :
       {Normaliser::kSoftmax, Normaliser::kSoftmaxSink, Normaliser::kSigmoid, Normaliser::kAffine}) {
    auto q = doubles({1, 1, 3, 4}), k = doubles({1, 1, 5, 4}), v = doubles({1, 1, 5, 4});
    AttentionOptions o = random_options(normaliser, 1, 1, 3, 5, false);
    o.keep = at::zeros({5}, at::kBool);
    for (bool graph : {false, true}) {
      for (at::Tensor* t : {&q, &k, &v}) t->set_requires_grad(graph);
      for (bool want_lse : {true, false}) {
        o.want_lse = want_lse;
        const Attended a = attention(q, k, v, o);
        EXPECT_TRUE(a.out.eq(0).all().item<bool>());
        if (want_lse) {
          EXPECT_TRUE(a.lse.eq(-kInfinity).all().item<bool>());
        }
        if (!graph) continue;
        a.out.sum().backward();
        for (const at::Tensor& t : {q, k, v}) EXPECT_TRUE(t.grad().eq(0).all().item<bool>());
      }
    }
  }
}

TEST(SelfAttention, ABiasOfMinusInfinityDropsKeysLikeAMask) {
  const auto q = doubles({1, 2, 4, 4}), k = doubles({1, 2, 6, 4}), v = doubles({1, 2, 6, 4});
  AttentionOptions masked, biased;
  masked.keep = at::rand({1, 1, 4, 6}).gt(0.5);
  masked.keep.select(2, 0).fill_(false);
  biased.bias = at::zeros({1, 1, 4, 6}, at::kDouble).masked_fill(masked.keep.logical_not(), -kInfinity);
  expect_close(attention(q, k, v, biased), attention(q, k, v, masked), 1e-14);
  biased.want_lse = false;
  expect_close(attention(q, k, v, biased).out, attention(q, k, v, masked).out, 1e-14);
}

TEST(SelfAttention, HugeScoresDoNotOverflowAndNanIsNotHidden) {
  auto q = at::zeros({1, 1, 2, 1}), k = at::zeros({1, 1, 40, 1});
  q.fill_(1), k[0][0][7] = 1e4, k[0][0][8] = -1e4;
  const auto v = at::randn({1, 1, 40, 1});
  for (bool want_lse : {true, false}) {
    AttentionOptions o;
    o.want_lse = want_lse;
    expect_close(attention(q, k, v, o).out, v.slice(2, 7, 8).expand({1, 1, 2, 1}), 1e-6);
    k[0][0][9] = std::nanf("");
    EXPECT_TRUE(at::isnan(attention(q, k, v, o).out).all().item<bool>());
    k[0][0][9] = 0;
  }
}

TEST(SelfAttention, InvariantToTheOrderOfKeysAndASinkOfMinusInfinityIsNone) {
  at::manual_seed(9);
  const auto q = doubles({1, 2, 5, 4}), k = doubles({1, 2, 30, 4}), v = doubles({1, 2, 30, 3});
  const Attended plain = attention(q, k, v);
  expect_close(attention(q, k.flip(2), v.flip(2)), plain, 1e-13);
  AttentionOptions o;
  o.normaliser = Normaliser::kSoftmaxSink, o.sink = at::full({2}, -kInfinity, at::kDouble);
  expect_close(attention(q, k, v, o), plain, 1e-13);
}

TEST(SelfAttention, AlphaIsClippedAndItsMeanMoves) {
  const auto x = at::tensor({-100.0, 0.0, 100.0, 1.0}, at::kDouble).view({1, 4, 1});
  const auto alpha = affine_alpha(x, at::ones({1, 1}, at::kDouble));
  expect_close(alpha, at::tensor({0.0, 0.5, 1.0, 0.6}, at::kDouble).view({1, 1, 4}), 1e-15);
  EXPECT_NEAR(moved_alpha_mean(0.2, alpha), 0.9 * 0.2 + 0.1 * 0.525, 1e-15);
}

TEST(SelfAttention, ShapesThatDoNotFitAreErrors) {
  const auto x = [](Sizes sizes) { return at::randn(sizes); };
  EXPECT_THROW(attention(x({1, 3, 4, 8}), x({1, 2, 4, 8}), x({1, 2, 4, 8})), fovea::Error);
  EXPECT_THROW(attention(x({1, 2, 4, 8}), x({1, 2, 0, 8}), x({1, 2, 0, 8})), fovea::Error);
  EXPECT_THROW(attention(x({1, 2, 0, 8}), x({1, 2, 4, 8}), x({1, 2, 4, 8})), fovea::Error);
  EXPECT_THROW(attention(x({1, 2, 4, 8}), x({1, 2, 4, 8}), x({1, 2, 5, 8})), fovea::Error);
  AttentionOptions o;
  o.keep = at::ones({5}, at::kBool);
  EXPECT_THROW(attention(x({1, 2, 4, 8}), x({1, 2, 4, 8}), x({1, 2, 4, 8}), o), fovea::Error);
}

QueryPoolWeights random_pool(std::int64_t dq, std::int64_t d, std::int64_t l, bool projected,
                             at::ScalarType type = at::kDouble) {
  const auto random = [&](at::IntArrayRef sizes) {
    return at::randn(sizes, type) / std::sqrt(static_cast<double>(sizes.back()));
  };
  QueryPoolWeights w{random({l, dq}), random({l}), random({l, d}), random({l}), random({l, d}), random({l}), {}, {}};
  if (projected) w.wo = random({l + 1, l}), w.bo = random({l + 1});
  return w;
}

class QueryPools : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t, bool>> {};

TEST_P(QueryPools, FoldedAgreesWithTheDefinition) {
  const auto [n, queries, masked] = GetParam();
  at::manual_seed(20 + n);
  const auto w = random_pool(5, 12, 8, masked);
  const auto x = doubles({12, n}).t(), q = doubles({queries, 5});
  c10::optional<at::Tensor> keep;
  if (masked) keep = at::rand({4, queries, n}).gt(0.3);
  if (masked) (*keep)[1].fill_(false);
  const QueryPooled folded = query_pool(x, q, w, 4, keep);
  const auto single = [](const at::Tensor& t) { return t.defined() ? t.to(at::kFloat) : t; };
  const QueryPoolWeights ws{single(w.wq), single(w.bq), single(w.wk), single(w.bk),
                            single(w.wv), single(w.bv), single(w.wo), single(w.bo)};
  const QueryPooled in_float = query_pool(single(x), single(q), ws, 4, keep);
  const BackendScope scope(Backend::kReference);
  const QueryPooled expected = query_pool(x, q, w, 4, keep);
  expect_close(folded.z, expected.z, 1e-12);
  expect_close(folded.scores, expected.scores, 1e-12);
  expect_close(folded.lse, expected.lse, 1e-12);
  expect_close(in_float.z, single(expected.z), 5e-6);
  // The pieces: scores, weights, pooled values.
  if (masked) return;
  const auto scores = query_scores(x, q, w, 4);
  expect_close(scores, expected.scores, 1e-12);
  expect_close(pool_values(at::softmax(scores, 2), x, w.wv, w.bv), expected.z, 1e-12);
}
INSTANTIATE_TEST_SUITE_P(Many, QueryPools,
                         testing::Combine(testing::Values(1, 2, 1023, 1024, 1025, 3000), testing::Values(1, 5),
                                          testing::Bool()));

TEST(QueryPool, AHeadWithoutRowsAddsNothing) {
  const auto w = random_pool(6, 6, 8, true);
  auto x = doubles({9, 6});
  const auto q = doubles({2, 6}), keep = at::zeros({9}, at::kBool);
  for (Backend which : {Backend::kAuto, Backend::kReference})
    for (bool graph : {false, true}) {
      const BackendScope scope(which);
      x.set_requires_grad(graph);
      const QueryPooled pooled = query_pool(x, q, w, 4, keep);
      expect_close(pooled.z, w.bo.expand({2, 9}), 1e-15);
      EXPECT_TRUE(pooled.lse.eq(-kInfinity).all().item<bool>());
      if (!graph) continue;
      pooled.z.sum().backward();
      EXPECT_TRUE(x.grad().eq(0).all().item<bool>());
    }
}

TEST(QueryPool, GradientsMatchFiniteDifferences) {
  at::manual_seed(22);
  const auto x = doubles({6, 3}), q = doubles({2, 3}), cz = doubles({2, 5}), cl = doubles({2, 2});
  const auto keep = at::tensor({1.0, 1.0, 0.0, 1.0, 1.0, 1.0}).to(at::kBool);
  const auto w = random_pool(3, 3, 4, true);
  expect_gradients({x, q, w.wq, w.bq, w.wk, w.bk, w.wv, w.bv, w.wo, w.bo}, [&] {
    const QueryPooled p = query_pool(x, q, w, 2, keep);
    return (p.z * cz).sum() + (p.lse * cl).sum();
  });
}

TEST(QueryPool, BitsDoNotDependOnThreads) {
  at::manual_seed(23);
  const auto w = random_pool(16, 40, 32, true, at::kFloat);
  const auto x = at::randn({5003, 40}), q = at::randn({1, 16});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const QueryPooled one = query_pool(x, q, w, 8);
  at::set_num_threads(2);
  const QueryPooled two = query_pool(x, q, w, 8);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one.z, two.z));
  EXPECT_TRUE(at::equal(one.scores, two.scores));
}

TEST(QueryPool, ShapesThatDoNotFitAreErrors) {
  const auto w = random_pool(3, 3, 4, true);
  EXPECT_THROW(query_pool(doubles({0, 3}), doubles({1, 3}), w, 2), fovea::Error);
  EXPECT_THROW(query_pool(doubles({5, 4}), doubles({1, 3}), w, 2), fovea::Error);
  EXPECT_THROW(query_pool(doubles({5, 3}), doubles({1, 2}), w, 2), fovea::Error);
  EXPECT_THROW(query_pool(doubles({5, 3}), doubles({1, 3}), w, 3), fovea::Error);
  EXPECT_THROW(query_pool(doubles({5, 3}), doubles({1, 3}), w, 2, at::ones({4}, at::kBool)), fovea::Error);
  EXPECT_THROW(pool_values(doubles({2, 1, 4}), doubles({5, 3}), w.wv, w.bv), fovea::Error);
}

}  // namespace
