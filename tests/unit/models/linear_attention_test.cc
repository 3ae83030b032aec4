// Linear attention, MALA and decay: against loops, the split and tiled paths against the definition, edges, gradients.
#include <cmath>
#include <random>

#include <ATen/Parallel.h>

#include <fovea/base/error.h>
#include <fovea/models/linear_attention.h>

#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

struct Tokens {
  at::Tensor q, k, v;
};

Tokens random_tokens(std::int64_t batches, std::int64_t heads, std::int64_t queries, std::int64_t keys, std::int64_t d,
                     std::int64_t dv, at::ScalarType type = at::kDouble) {
  return {at::randn({batches, heads, queries, d}, type), at::randn({batches, heads, keys, d}, type),
          at::randn({batches, heads, keys, dv}, type)};
}

double phi(double x) {
  return x > 0 ? x + 1 : std::exp(x);
}

/// Weight of key j for query i, number by number.
at::Tensor similarities(const at::Tensor& q, const at::Tensor& k) {
  const at::Tensor all = at::zeros({q.size(0), k.size(0)}, at::kDouble);
  for (std::int64_t i = 0; i < q.size(0); ++i)
    for (std::int64_t j = 0; j < k.size(0); ++j) {
      double sum = 0;
      for (std::int64_t c = 0; c < q.size(1); ++c) sum += phi(q[i][c].item<double>()) * phi(k[j][c].item<double>());
      all[i][j] = sum;
    }
  return all;
}

at::Tensor naive_linear(const Tokens& t, std::int64_t batch, std::int64_t head, const at::Tensor& keep) {
  const at::Tensor s = similarities(t.q[batch][head], t.k[batch][head]) * keep;
  return (s / (s.sum(1, true) + kLinearEps)).mm(t.v[batch][head]);
}

/// beta phi(q) . phi(k_j) c/n - z/n: the weights that the definition is equivalent to.
at::Tensor mala_weights(const Tokens& t, std::int64_t batch, std::int64_t head, const at::Tensor& keep) {
  const double n = keep.sum().item<double>(), c = 1 / std::sqrt(static_cast<double>(t.q.size(3)));
  const at::Tensor s = similarities(t.q[batch][head], t.k[batch][head]) * keep * (c / n), z = s.sum(1, true);
  return s * (1 + 1 / (z + kLinearEps)) - z * keep / n;
}

TEST(LinearAttention, AgreesWithTheSumOverPairs) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 6; ++trial) {
    at::manual_seed(trial);
    const auto size = [&](int most) { return 1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(most)); };
    const Tokens t = random_tokens(2, 2, size(9), size(12), size(6), size(5));
    at::Tensor keep = at::rand({2, 2, t.k.size(2)}).gt(0.4);
    keep.select(2, 0).fill_(true);
    for (Backend which : {Backend::kAuto, Backend::kReference}) {
      const BackendScope scope(which);
      const at::Tensor linear = linear_attention(t.q, t.k, t.v, keep), magnitude = mala(t.q, t.k, t.v, keep).out;
      for (std::int64_t b = 0; b < 2; ++b)
        for (std::int64_t h = 0; h < 2; ++h) {
          const at::Tensor kept = keep[b][h].to(at::kDouble);
          expect_close(linear[b][h], naive_linear(t, b, h, kept), 1e-12);
          expect_close(magnitude[b][h], mala_weights(t, b, h, kept).mm(t.v[b][h]), 1e-11);
        }
    }
  }
}

TEST(LinearAttention, SplitsAgreeWithTheDefinitionForAnyLayoutAndNumberOfThreads) {
  at::manual_seed(2);
  const int threads = at::get_num_threads();
  for (std::int64_t n : {1, 1023, 1024, 1025, 2500}) {
    const Tokens wide = random_tokens(2, 3, n, n, 16, 24, at::kFloat);
    const Tokens t{wide.q.transpose(2, 3).contiguous().transpose(2, 3), wide.k.slice(3, 0, 16, 1),
                   wide.v.slice(3, 0, 24, 2)};
    const at::Tensor keep = at::rand({2, n}).gt(0.3);
    const at::Tensor index = at::arange(n);
    const Rotation turn = grid_rotation(index.div(50, "floor"), index.remainder(50), 16, t.q);
    at::set_num_threads(1);
    const at::Tensor linear = linear_attention(t.q, t.k, t.v, keep);
    const Mala magnitude = mala(t.q, t.k, t.v, keep, turn);
    at::set_num_threads(2);
    EXPECT_TRUE(at::equal(linear, linear_attention(t.q, t.k, t.v, keep)));
    EXPECT_TRUE(at::equal(magnitude.out, mala(t.q, t.k, t.v, keep, turn).out));
    const BackendScope scope(Backend::kReference);
    expect_close(linear, linear_attention(t.q, t.k, t.v, keep), 2e-5);
    expect_close(magnitude.out, mala(t.q, t.k, t.v, keep, turn).out, 2e-4);
    expect_close(magnitude.z, mala(t.q, t.k, t.v, keep, turn).z, 2e-5);
  }
  at::set_num_threads(threads);
}

TEST(LinearAttention, ASingleSplitHasTheSameBitsOnAnyNumberOfThreads) {
  at::manual_seed(20);
  const Tokens t = random_tokens(1, 1, 1000, 1000, 96, 64, at::kFloat);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor linear = linear_attention(t.q, t.k, t.v), magnitude = mala(t.q, t.k, t.v).out;
  at::set_num_threads(2);
  EXPECT_TRUE(at::equal(linear, linear_attention(t.q, t.k, t.v)));
  EXPECT_TRUE(at::equal(magnitude, mala(t.q, t.k, t.v).out));
  at::set_num_threads(threads);
}

TEST(LinearAttention, MaskedKeysAreUnreadAndNoKeyGivesZeros) {
  at::manual_seed(3);
  Tokens t = random_tokens(1, 2, 4, 6, 8, 3);
  const Tokens fewer{t.q, t.k.slice(2, 0, 4), t.v.slice(2, 0, 4)};
  const at::Tensor expected = linear_attention(fewer.q, fewer.k, fewer.v), other = mala(fewer.q, fewer.k, fewer.v).out;
  t.k.slice(2, 4).fill_(std::nan("")), t.v.slice(2, 4).fill_(std::nan(""));
  const at::Tensor keep = at::arange(6).lt(4), none = at::zeros({6}, at::kBool);
  for (Backend which : {Backend::kAuto, Backend::kReference}) {
    const BackendScope scope(which);
    expect_close(linear_attention(t.q, t.k, t.v, keep), expected, 1e-14);
    expect_close(mala(t.q, t.k, t.v, keep).out, other, 1e-13);
    EXPECT_EQ(linear_attention(t.q, t.k, t.v, none).abs().max().item<double>(), 0);
    EXPECT_EQ(mala(t.q, t.k, t.v, none).out.abs().max().item<double>(), 0);
  }
  for (auto* leaf : {&t.q, &t.k, &t.v}) leaf->set_requires_grad(true);
  (linear_attention(t.q, t.k, t.v, none).sum() + mala(t.q, t.k, t.v, none).out.sum()).backward();
  for (auto* leaf : {&t.q, &t.k, &t.v}) EXPECT_EQ(leaf->grad().abs().max().item<double>(), 0);
}

TEST(LinearAttention, NanStaysAndBadShapesAreRefused) {
  Tokens t = random_tokens(1, 1, 3, 5, 4, 2);
  t.k[0][0][1][1] = std::nan("");
  EXPECT_TRUE(at::isnan(linear_attention(t.q, t.k, t.v)).all().item<bool>());
  EXPECT_TRUE(at::isnan(mala(t.q, t.k, t.v).out).all().item<bool>());
  EXPECT_THROW(linear_attention(t.q, t.k.slice(2, 0, 0), t.v.slice(2, 0, 0)), fovea::Error);
  EXPECT_THROW(linear_attention(t.q.slice(2, 0, 0), t.k, t.v), fovea::Error);
  EXPECT_THROW(linear_attention(t.q, t.k, t.v.slice(2, 1)), fovea::Error);
  EXPECT_THROW(linear_attention(t.q, t.k, t.v, at::ones({5})), fovea::Error);
  EXPECT_THROW(linear_attention(t.q, t.k, t.v, at::ones({4}, at::kBool)), fovea::Error);
  EXPECT_THROW(mala(t.q, t.k, t.v, {}, {at::ones({3, 4}), at::ones({3, 4})}), fovea::Error);
}

TEST(LinearAttention, GradientsMatchFiniteDifferences) {
  at::manual_seed(4);
  const Tokens t = random_tokens(1, 2, 5, 5, 4, 3);
  const at::Tensor keep = at::arange(5).ne(2), a = doubles({1, 2, 5, 3}), b = doubles({1, 2, 5, 3});
  const Rotation turn = grid_rotation(at::arange(5), at::arange(5) * 2, 4, t.q);
  expect_gradients({t.q, t.k, t.v}, [&] {
    const Mala magnitude = mala(t.q, t.k, t.v, keep, turn);
    return (linear_attention(t.q, t.k, t.v, keep) * a).sum() + (magnitude.out * b).sum() + magnitude.z.sum();
  });
}

TEST(Mala, WeightsSumToOneAndAFewAreNegative) {
  at::manual_seed(5);
  Tokens t = random_tokens(1, 1, 40, 60, 8, 2);
  t.v.fill_(1);
  const at::Tensor everything = at::ones({60}, at::kDouble);
  expect_close(mala(t.q, t.k, t.v).out, t.v.slice(2, 0, 40), 1e-5);
  EXPECT_TRUE(mala_weights(t, 0, 0, everything).lt(0).any().item<bool>());
}

TEST(Mala, RotationsDependOnDistancesAlone) {
  at::manual_seed(6);
  const Tokens t = random_tokens(1, 1, 12, 12, 8, 3);
  const at::Tensor index = at::arange(12), rows = index.div(4, "floor"), columns = index.remainder(4);
  const at::Tensor here = mala(t.q, t.k, t.v, {}, grid_rotation(rows, columns, 8, t.q)).out;
  expect_close(mala(t.q, t.k, t.v, {}, grid_rotation(rows + 31, columns + 5, 8, t.q)).out, here, 1e-12);
  EXPECT_GT((mala(t.q, t.k, t.v, {}, grid_rotation(rows * 2, columns, 8, t.q)).out - here).abs().max().item<double>(),
            1e-3);
  // First half of the width: rows, at 10000^0 and 10000^-1, each for a pair.
  const Rotation turn = grid_rotation(rows, columns, 8, t.q);
  expect_close(turn.sin[9], at::tensor({2., 2., 2e-4, 2e-4, 1., 1., 1e-4, 1e-4}, at::kDouble).sin(), 1e-15);
  EXPECT_THROW(grid_rotation(rows, columns, 6, t.q), fovea::Error);
}

at::Tensor naive_decayed(const Tokens& t, const at::Tensor& slopes, Decay decay) {
  at::Tensor out = at::zeros_like(t.v);
  for (std::int64_t h = 0; h < t.q.size(1); ++h)
    for (std::int64_t i = 0; i < t.q.size(2); ++i)
      for (std::int64_t j = 0; j < (decay == Decay::kCausal ? i + 1 : t.q.size(2)); ++j) {
        const double fade = std::exp(-slopes[h].item<double>() * std::abs(static_cast<double>(i - j)));
        out[0][h][i] += fade * t.q[0][h][i].dot(t.k[0][h][j]) * t.v[0][h][j];
      }
  return out;
}

TEST(DecayedLinearAttention, TilesOfAnySizeAgreeWithTheSumOverPairs) {
  at::manual_seed(7);
  const at::Tensor slopes = at::tensor({0., 0.07, 40.}, at::kDouble);
  for (std::int64_t n : {1, 7, 23}) {
    const Tokens t = random_tokens(1, 3, n, n, 4, 5);
    for (Decay decay : {Decay::kCausal, Decay::kBidirectional}) {
      const at::Tensor expected = naive_decayed(t, slopes, decay);
      for (std::int64_t tile : {1, 4, 7, 64})
        expect_close(decayed_linear_attention(t.q, t.k, t.v, slopes, decay, tile), expected, 1e-12);
      const BackendScope scope(Backend::kReference);
      expect_close(decayed_linear_attention(t.q, t.k, t.v, slopes, decay), expected, 1e-12);
    }
  }
}

TEST(DecayedLinearAttention, BidirectionalIsForwardPlusBackwardLessTheDiagonal) {
  at::manual_seed(8);
  const Tokens t = random_tokens(2, 4, 150, 150, 6, 6);
  const at::Tensor slopes = alibi_slopes(4);
  expect_close(slopes, at::tensor({0.25, 0.0625, 1. / 64, 1. / 256}, at::kDouble), 1e-15);
  const auto run = [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, Decay decay) {
    return decayed_linear_attention(q, k, v, slopes, decay, 32);
  };
  const at::Tensor forward = run(t.q, t.k, t.v, Decay::kCausal);
  const at::Tensor backward = run(t.q.flip(2), t.k.flip(2), t.v.flip(2), Decay::kCausal).flip(2);
  const at::Tensor diagonal = (t.q * t.k).sum(-1, true) * t.v;
  expect_close(run(t.q, t.k, t.v, Decay::kBidirectional), forward + backward - diagonal, 1e-11);
}

TEST(DecayedLinearAttention, GradientsMatchFiniteDifferences) {
  at::manual_seed(9);
  const Tokens t = random_tokens(1, 2, 7, 7, 3, 2);
  const at::Tensor slopes = at::tensor({0.1, 0.8}, at::kDouble), a = doubles({1, 2, 7, 2}), b = doubles({1, 2, 7, 2});
  expect_gradients({t.q, t.k, t.v, slopes}, [&] {
    return (decayed_linear_attention(t.q, t.k, t.v, slopes, Decay::kCausal, 3) * a).sum() +
           (decayed_linear_attention(t.q, t.k, t.v, slopes, Decay::kBidirectional, 3) * b).sum();
  });
}

TEST(DecayedLinearAttention, LongSequencesNeitherOverflowNorLoseNan) {
  at::manual_seed(10);
  Tokens t = random_tokens(1, 1, 3000, 3000, 4, 4, at::kFloat);
  const at::Tensor slopes = at::full({1}, 5.0, at::kFloat);
  EXPECT_TRUE(
      at::isfinite(decayed_linear_attention(t.q, t.k, t.v, slopes, Decay::kBidirectional, 512)).all().item<bool>());
  t.v[0][0][1500][0] = std::nanf("");
  const at::Tensor out = decayed_linear_attention(t.q, t.k, t.v, slopes, Decay::kCausal);
  EXPECT_TRUE(at::isnan(out[0][0][2999][0]).item<bool>());
  EXPECT_FALSE(at::isnan(out[0][0].slice(0, 0, 1472)).any().item<bool>());  // earlier tiles of 64
  EXPECT_THROW(decayed_linear_attention(t.q, t.k, t.v, -slopes, Decay::kCausal), fovea::Error);
  EXPECT_THROW(decayed_linear_attention(t.q, t.k, t.v, slopes, Decay::kCausal, 0), fovea::Error);
  EXPECT_THROW(decayed_linear_attention(t.q.slice(2, 0, 5), t.k, t.v, slopes, Decay::kCausal), fovea::Error);
  EXPECT_THROW(alibi_slopes(6), fovea::Error);
}

}  // namespace
