// Training terms: against plain loops and finite differences, and what may not change them.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>
#include <fovea/models/attention_terms.h>

#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;
using fovea::Error;
using fovea::ErrorCode;

// ---- STKIM

TEST(Stkim, DropsTheShareOfTheStrongestWithTheLeastNoise) {
  at::manual_seed(1);
  for (const std::int64_t n : {1, 2, 7, 10, 11, 200}) {
    const StkimOptions options{10, 0.6};
    const at::Tensor scores = doubles({4, n}), noise = stkim_noise(scores, options, 17);
    const Stkim result = stkim(scores, noise, options);
    const std::int64_t k = std::min<std::int64_t>(10, n), q = k * 6 / 10;
    ASSERT_EQ(stkim_drops(n, options), q);
    for (std::int64_t row = 0; row < 4; ++row) {
      std::vector<std::int64_t> order(static_cast<std::size_t>(n)), pick(static_cast<std::size_t>(k));
      std::iota(order.begin(), order.end(), 0), std::iota(pick.begin(), pick.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) {
        return scores[row][i].item<double>() > scores[row][j].item<double>();
      });
      std::stable_sort(pick.begin(), pick.end(), [&](std::int64_t i, std::int64_t j) {
        return noise[row][i].item<double>() < noise[row][j].item<double>();
      });
      at::Tensor expected = scores[row].clone();
      for (std::int64_t i = 0; i < q; ++i) {
        const std::int64_t instance = order[static_cast<std::size_t>(pick[static_cast<std::size_t>(i)])];
        EXPECT_EQ(result.dropped[row][i].item<std::int64_t>(), instance);
        expected[instance] = kStkimScore;
      }
      EXPECT_TRUE(at::equal(result.scores[row], expected));
    }
  }
}

TEST(Stkim, TiesGoToTheLowerIndexAndNoGradientReachesTheDropped) {
  at::Tensor scores = at::zeros({2, 30}, at::kDouble).set_requires_grad(true);
  const StkimOptions options{5, 1.0};
  const Stkim result = stkim(scores, stkim_noise(scores, options, 1), options);
  EXPECT_TRUE(at::equal(result.topk, at::arange(5).expand({2, 5})));
  (weights_of(result.scores) * doubles({2, 30})).sum().backward();
  EXPECT_EQ(scores.grad().slice(1, 0, 5).abs().max().item<double>(), 0);
  EXPECT_GT(scores.grad().slice(1, 5).abs().min().item<double>(), 0);
}

TEST(Stkim, AbsentInstancesStayAbsentAndAWholeBagBecomesUniform) {
  const StkimOptions all{4, 1.0};
  const at::Tensor whole = doubles({2, 4});
  expect_close(weights_of(stkim(whole, stkim_noise(whole, all, 3), all).scores), at::full({2, 4}, 0.25, at::kDouble),
               0);
  at::Tensor scores = at::full({1, 4}, -kInfinity, at::kDouble);
  scores[0][2] = 1.0;
  const at::Tensor kept = stkim(scores, stkim_noise(scores, all, 3), all).scores;
  EXPECT_EQ(kept.eq(-kInfinity).sum().item<std::int64_t>(), 3);
  scores[0][1] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(at::isnan(stkim(scores, stkim_noise(scores, all, 3), all).scores[0][1]).item<bool>());
}

TEST(Stkim, HeadsAndStridesDoNotMatter) {
  at::manual_seed(2);
  const StkimOptions options{6, 0.5};
  const at::Tensor scores = doubles({20, 3, 2}).permute({2, 1, 0});
  const at::Tensor noise = stkim_noise(scores, options, 9);
  EXPECT_EQ(noise.sizes(), at::IntArrayRef({2, 3, 6}));
  const Stkim together = stkim(scores, noise, options);
  for (std::int64_t head = 0; head < 2; ++head)
    EXPECT_TRUE(at::equal(together.scores[head], stkim(scores[head].contiguous(), noise[head], options).scores));
  EXPECT_TRUE(at::equal(noise, stkim_noise(scores, options, 9)));
  EXPECT_FALSE(at::equal(noise, stkim_noise(scores, options, 10)));
}

TEST(Stkim, RefusesWhatDoesNotFit) {
  const at::Tensor scores = doubles({2, 9});
  expect_error(ErrorCode::kShape, [&] { stkim(scores, doubles({2, 8}), {10, 0.6}); });
  expect_error(ErrorCode::kShape, [&] { stkim(doubles({2, 0}), doubles({2, 0}), {10, 0.6}); });
  expect_error(ErrorCode::kUsage, [&] { stkim(scores, doubles({2, 9}), {10, 1.1}); });
  expect_error(ErrorCode::kUsage, [&] { stkim_drops(9, {-1, 0.5}); });
}

TEST(InstanceMasking, DropsTheShareEvenlyAndRepeatably) {
  std::vector<int> dropped(40);
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const at::Tensor keep = keep_instances(40, 0.15, seed);
    ASSERT_EQ(keep.sum().item<std::int64_t>(), 34);
    for (std::int64_t i = 0; i < 40; ++i)
      dropped[static_cast<std::size_t>(i)] += keep.const_data_ptr<bool>()[i] ? 0 : 1;
  }
  for (const int count : dropped) EXPECT_NEAR(count, 300, 80);  // five standard deviations
  EXPECT_TRUE(at::equal(keep_instances(1000, 0.1, 5), keep_instances(1000, 0.1, 5)));
  EXPECT_TRUE(keep_instances(1, 0.9, 5).item<bool>());
  expect_error(ErrorCode::kUsage, [] { keep_instances(10, 1.0, 0); });
  expect_error(ErrorCode::kShape, [] { keep_instances(0, 0.1, 0); });
}

// ---- Entropy

double plain_neg_entropy(std::vector<double> scores, std::int64_t k) {
  std::sort(scores.rbegin(), scores.rend());
  if (k > 0 && k < static_cast<std::int64_t>(scores.size())) scores.resize(static_cast<std::size_t>(k));
  double total = 0, sum = 0;
  for (const double s : scores) total += std::exp(s - scores[0]);
  for (const double s : scores) {
    const double a = std::exp(s - scores[0]) / total;
    if (a > 0) sum += a * std::log(a);
  }
  return sum;
}

TEST(Entropy, AgreesWithAPlainLoop) {
  at::manual_seed(3);
  for (const std::int64_t n : {1, 2, 50, 333})
    for (const std::int64_t k : {0, 1, 10, 1000}) {
      const at::Tensor scores = doubles({3, n}) * 4;
      const at::Tensor value = negative_entropy(scores, {k, false});
      for (std::int64_t row = 0; row < 3; ++row) {
        const at::Tensor line = scores[row].contiguous();
        const double expected =
            plain_neg_entropy({line.const_data_ptr<double>(), line.const_data_ptr<double>() + n}, k);
        EXPECT_NEAR(value[row].item<double>(), expected, 1e-13);
      }
    }
}

TEST(Entropy, AgreesWithThePooledEntropyAndIgnoresAnOffset) {
  at::manual_seed(4);
  const at::Tensor scores = doubles({2, 100}), x = doubles({100, 3});
  expect_close(negative_entropy(scores), -score_pool(scores, x).entropy, 1e-12);
  const at::Tensor single = scores.to(at::kFloat) * 0.125f;
  expect_close(negative_entropy((single * 8).round() / 8 + 8192.0f), negative_entropy((single * 8).round() / 8), 1e-6);
}

TEST(Entropy, EdgesAreFiniteInBothDirections) {
  at::Tensor scores = at::zeros({4, 6}, at::kDouble);
  scores[0].fill_(-kInfinity);
  scores[1].slice(0, 2).fill_(-kInfinity);
  scores[2][3] = 1e4;
  scores[3].slice(0, 0, 5).fill_(-1e9);
  scores.set_requires_grad(true);
  const at::Tensor value = negative_entropy(scores);
  expect_close(value.detach(), at::tensor({0.0, -std::log(2.0), 0.0, 0.0}, at::kDouble), 1e-15);
  value.sum().backward();
  EXPECT_TRUE(at::isfinite(scores.grad()).all().item<bool>());
  EXPECT_EQ(scores.grad()[0].abs().max().item<double>(), 0);
  const at::Tensor shares = negative_entropy(scores.detach(), {0, true});
  expect_close(shares, at::tensor({0.0, -1.0, 0.0, 0.0}, at::kDouble), 1e-15);
  EXPECT_TRUE(at::isnan(negative_entropy(at::full({1, 3}, std::nan(""), at::kDouble))).item<bool>());
}

TEST(Entropy, GradientsAreThoseOfFiniteDifferences) {
  at::manual_seed(5);
  for (const EntropyOptions& options : {EntropyOptions{0, false}, EntropyOptions{5, false}, EntropyOptions{0, true}}) {
    const at::Tensor scores = doubles({2, 12});
    expect_gradients({scores}, [&] { return negative_entropy(scores, options).sum(); });
  }
}

TEST(Entropy, WeightFallsOnACosine) {
  EXPECT_DOUBLE_EQ(annealed_weight(0.1, 0, 50), 0.1);
  EXPECT_NEAR(annealed_weight(0.1, 25, 50), 0.05, 1e-16);
  EXPECT_DOUBLE_EQ(annealed_weight(0.1, 60, 50), 0);
  EXPECT_DOUBLE_EQ(annealed_weight(0.1, -1, 50), 0.1);
  expect_error(ErrorCode::kUsage, [] { annealed_weight(0.1, 0, 0); });
}

// ---- Diversity

TEST(Diversity, IsTheMeanCosineOfPairs) {
  at::manual_seed(6);
  for (const std::int64_t k : {2, 3, 5}) {
    const at::Tensor a = at::softmax(doubles({40, k}), 0).t();
    double sum = 0;
    for (std::int64_t i = 0; i < k; ++i)
      for (std::int64_t j = 0; j < i; ++j) sum += (a[i].dot(a[j]) / (a[i].norm() * a[j].norm())).item<double>();
    EXPECT_NEAR(diversity(a).item<double>(), sum / static_cast<double>(k * (k - 1) / 2), 1e-14);
    const at::Tensor heads = at::stack({a, a.flip(1) * 3});
    EXPECT_NEAR(diversity(heads).item<double>(), diversity(a).item<double>(), 1e-14);
    const at::Tensor scores = doubles({k, 9});
    expect_gradients({scores}, [&] { return diversity(weights_of(scores)); });
  }
  EXPECT_EQ(diversity(doubles({1, 5})).item<double>(), 0);
  expect_error(ErrorCode::kShape, [] { diversity(doubles({3, 0})); });
}

TEST(Diversity, AnEmptyBranchAgreesWithNoneAndTakesNoGradient) {
  at::Tensor a = at::rand({3, 8}, at::kDouble);
  a[1].zero_();
  a.set_requires_grad(true);
  const at::Tensor value = diversity(a);
  value.backward();
  EXPECT_TRUE(at::isfinite(a.grad()).all().item<bool>());
  EXPECT_EQ(a.grad()[1].abs().max().item<double>(), 0);
  EXPECT_NEAR(value.item<double>(), diversity(a.detach().index_select(0, at::tensor({0, 2}))).item<double>() / 3,
              1e-15);
}

// ---- Adversarial

struct Head {
  at::Tensor scores = doubles({3, 25}), x = doubles({25, 6}), weight = doubles({2, 6}), bias = doubles({2});
  PooledHead head() const { return mean_head(weight, bias); }
  PooledLoss loss() const {
    return [head = head()](const at::Tensor& z) { return at::cross_entropy_loss(head(z), at::ones({1}, at::kLong)); };
  }
};

TEST(AdversarialAttention, StepsAlongTheGradientByEps) {
  at::manual_seed(7);
  const Head h;
  const Adversarial result = adversarial_attention(h.scores, h.x, h.loss(), 0.3);
  expect_close(result.perturbation.norm(2, 1), at::full({3}, 0.3, at::kDouble), 1e-15);
  EXPECT_GT(result.loss.item<double>(), h.loss()(score_pool(h.scores, h.x).z).item<double>());
  const at::Tensor scores = h.scores.clone().set_requires_grad(true);
  h.loss()(score_pool(scores, h.x).z).backward();
  expect_close(result.gradient, scores.grad(), 0);
  const Adversarial again = adversarial_attention(h.scores, h.x, h.loss(), 0.3);
  const at::Tensor r = result.perturbation;
  EXPECT_DOUBLE_EQ(again.loss.item<double>(), h.loss()(score_pool(h.scores + r, h.x).z).item<double>());
}

TEST(AdversarialAttention, CollectsNoGradientOfItsOwnAndWorksWithoutGradientMode) {
  at::manual_seed(8);
  Head h;
  h.weight.set_requires_grad(true), h.x.set_requires_grad(true), h.scores.set_requires_grad(true);
  {
    const at::NoGradGuard no_grad;
    EXPECT_GT(adversarial_attention(h.scores, h.x, h.loss(), 0.3).gradient.abs().max().item<double>(), 0);
  }
  const Adversarial first = adversarial_attention(h.scores, h.x, h.loss(), 0.3);
  const Adversarial second = virtual_adversarial_attention(h.scores, h.x, h.head(), random_direction(h.scores, 1), {});
  for (const auto& leaf : {h.weight, h.x, h.scores}) EXPECT_FALSE(leaf.grad().defined());
  (first.loss + second.loss).backward();
  for (const auto& leaf : {h.weight, h.x, h.scores}) EXPECT_GT(leaf.grad().abs().max().item<double>(), 0);
}

TEST(AdversarialAttention, LossIsDifferentiableWithTheStepHeld) {
  at::manual_seed(9);
  Head h;
  const at::Tensor r = adversarial_attention(h.scores, h.x, h.loss(), 0.3).perturbation;
  h.scores.set_requires_grad(true), h.x.set_requires_grad(true);
  adversarial_attention(h.scores, h.x, h.loss(), 0.3).loss.backward();
  const at::Tensor got_scores = h.scores.grad().clone(), got_x = h.x.grad().clone();
  Head held = h;
  held.scores = h.scores.detach().clone(), held.x = h.x.detach().clone();
  expect_gradients({held.scores, held.x}, [&] { return held.loss()(score_pool(held.scores + r, held.x).z); });
  expect_close(got_scores, held.scores.grad(), 1e-15);
  expect_close(got_x, held.x.grad(), 1e-15);
}

/// By hand: g_ki = a_ki (dz . x_i - rho_k) with dz = W^T (q - p) / K. Of two classes what one gains the other loses,
/// exactly: q - p as computed differs by rounding, which alone would turn the direction by 1e-11.
TEST(AdversarialAttention, VirtualProbeIsTheAnalyticGradient) {
  at::manual_seed(10);
  const Head h;
  const at::Tensor direction = random_direction(h.scores, 3);
  const VirtualOptions options{0.5, 1e-3};
  const Adversarial result = virtual_adversarial_attention(h.scores, h.x, h.head(), direction, options);
  const at::Tensor d = options.xi * direction / direction.norm(2, 1, true);
  const auto probabilities = [&](const at::Tensor& a) {
    return at::softmax(at::linear(a.mm(h.x).mean(0), h.weight, h.bias), 0);
  };
  const at::Tensor a = at::softmax(h.scores + d, 1);
  at::Tensor change = probabilities(a) - probabilities(at::softmax(h.scores, 1));
  change = change - change.mean();
  const at::Tensor pull = h.x.mv(h.weight.t().mv(change) / 3).unsqueeze(0);
  const at::Tensor gradient = a * (pull - (a * pull).sum(1, true));
  expect_close(result.perturbation, 0.5 * gradient / gradient.norm(2, 1, true), 1e-14);
  expect_close(result.gradient / gradient.abs().max(), gradient / gradient.abs().max(), 1e-9);
  EXPECT_GE(result.loss.item<double>(), 0);
}

TEST(AdversarialAttention, MaskedInstancesAreNotMovedAndFloat32KeepsTheDirection) {
  at::manual_seed(11);
  Head h;
  h.scores.slice(1, 0, 5).fill_(-kInfinity);
  h.scores[2].fill_(-kInfinity);
  const at::Tensor direction = random_direction(h.scores, 3);
  const Adversarial exact = virtual_adversarial_attention(h.scores, h.x, h.head(), direction);
  const Adversarial at_result = adversarial_attention(h.scores, h.x, h.loss(), 0.3);
  for (const Adversarial* result : {&exact, &at_result}) {
    EXPECT_TRUE(at::isfinite(result->loss).item<bool>());
    EXPECT_EQ(result->perturbation.slice(1, 0, 5).abs().max().item<double>(), 0);
    EXPECT_EQ(result->perturbation[2].abs().max().item<double>(), 0);
  }
  const Adversarial single =
      virtual_adversarial_attention(h.scores.to(at::kFloat), h.x.to(at::kFloat), h.head(), direction);
  EXPECT_EQ(single.perturbation.scalar_type(), at::kFloat);
  expect_close(single.perturbation.to(at::kDouble), exact.perturbation, 1e-5);
  expect_error(ErrorCode::kShape, [&] { adversarial_attention(h.scores, h.x.slice(0, 1), h.loss(), 0.3); });
}

// ---- Mixture of heads

TEST(MixtureOfHeads, GatesAreThoseOfAPlainLoop) {
  at::manual_seed(12);
  const at::Tensor x = doubles({10, 8}), wg = doubles({4, 8}), ws = doubles({2, 8}), w2 = doubles({2, 8});
  const HeadGates result = head_gates(x, {wg, ws, w2, 2});
  double importance[4] = {}, use[4] = {};
  for (std::int64_t i = 0; i < 10; ++i) {
    const at::Tensor p = at::softmax(wg.mv(x[i]), 0), s = at::softmax(ws.mv(x[i]), 0),
                     b = at::softmax(w2.mv(x[i]), 0) * 2;
    std::vector<std::int64_t> order{0, 1, 2, 3};
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t a, std::int64_t c) { return p[a].item<double>() > p[c].item<double>(); });
    const double kept = (p[order[0]] + p[order[1]]).item<double>();
    for (std::int64_t e = 0; e < 2; ++e)
      EXPECT_NEAR(result.gates[i][e].item<double>(), (s[e] * 2 * b[0]).item<double>(), 1e-14);
    for (std::int64_t e = 0; e < 4; ++e) {
      const bool chosen = e == order[0] || e == order[1];
      importance[e] += p[e].item<double>() / 10, use[e] += chosen ? 0.1 : 0;
      EXPECT_NEAR(result.gates[i][2 + e].item<double>(), chosen ? (p[e] / kept * 2 * b[1]).item<double>() : 0, 1e-13);
    }
  }
  double loss = 0;
  for (int e = 0; e < 4; ++e) loss += importance[e] * use[e] * 4;
  EXPECT_NEAR(result.balance_loss.item<double>(), loss, 1e-13);
}

TEST(MixtureOfHeads, SumsTiesAndEdges) {
  at::manual_seed(13);
  const at::Tensor x = doubles({6, 8});
  const HeadGates tied = head_gates(x, {at::zeros({5, 8}, at::kDouble), {}, {}, 2});
  EXPECT_TRUE(tied.chosen.slice(1, 0, 2).all().item<bool>());
  expect_close(tied.gates.sum(1), at::full({6}, 2.0, at::kDouble), 1e-15);
  const HeadGates sharp = head_gates(x * 1e4, {doubles({5, 8}), doubles({1, 8}), doubles({2, 8}), 3});
  EXPECT_TRUE(at::isfinite(sharp.gates).all().item<bool>());
  expect_error(ErrorCode::kUsage, [&] { head_gates(x, {doubles({5, 8}), {}, {}, 6}); });
  expect_error(ErrorCode::kShape, [&] { head_gates(x, {doubles({5, 7}), {}, {}, 2}); });
  expect_error(ErrorCode::kShape, [&] { head_gates(x, {doubles({5, 8}), doubles({2, 8}), {}, 2}); });
  expect_error(ErrorCode::kShape, [&] { head_gates(x.slice(0, 0, 0), {doubles({5, 8}), {}, {}, 2}); });
  expect_error(ErrorCode::kShape, [&] { gated_heads(doubles({6, 4, 3}), tied.gates); });
}

TEST(MixtureOfHeads, GradientsAreThoseOfFiniteDifferences) {
  at::manual_seed(14);
  const at::Tensor x = doubles({5, 4}), wg = doubles({4, 4}), ws = doubles({2, 4}), w2 = doubles({2, 4}),
                   heads = doubles({5, 6, 2});
  const at::Tensor weight = doubles({5, 6, 2});
  expect_gradients({x, wg, ws, w2, heads}, [&] {
    const HeadGates gates = head_gates(x, {wg, ws, w2, 2});
    return (gated_heads(heads, gates.gates) * weight).sum() + gates.balance_loss;
  });
}

// ---- Gaussian adaptive attention

TEST(GaussianAdaptive, AgreesWithAPlainLoopAlongAnyAxis) {
  at::manual_seed(15);
  const at::Tensor x = doubles({4, 9}), c = at::rand({3}, at::kDouble) + 0.5, o = doubles({3}) * 0.3;
  const GaussianAttention result = gaussian_adaptive(x, c, o, 1);
  for (std::int64_t row = 0; row < 4; ++row) {
    const double mean = x[row].mean().item<double>(), variance = x[row].var(true).item<double>() + 1e-8;
    std::vector<double> products(9, 1);
    for (std::int64_t i = 0; i < 9; ++i)
      for (std::int64_t g = 0; g < 3; ++g) {
        const double width = c[g].item<double>(), distance = x[row][i].item<double>() - mean - o[g].item<double>();
        products[static_cast<std::size_t>(i)] *=
            std::exp(-distance * distance / (2 * width * width * variance)) / std::sqrt(2 * M_PI * width * width);
      }
    const double sum = std::max(1e-8, std::accumulate(products.begin(), products.end(), 0.0));
    for (std::int64_t i = 0; i < 9; ++i)
      EXPECT_NEAR(result.weights[row][i].item<double>(), products[static_cast<std::size_t>(i)] / sum, 1e-14);
  }
  const GaussianAttention turned = gaussian_adaptive(x.t(), c, o, 0);
  expect_close(turned.out.t(), result.out, 1e-15);
  expect_close(gaussian_adaptive(x, c, o, -1).out, result.out, 0);
  expect_close(gaussian_adaptive(x + 5, c, o, 1).weights, result.weights, 1e-12);
}

TEST(GaussianAdaptive, GradientsAndRefusals) {
  at::manual_seed(16);
  const at::Tensor x = doubles({2, 6}), c = at::rand({2}, at::kDouble) + 0.5, o = doubles({2}) * 0.3,
                   weight = doubles({2, 6});
  expect_gradients({x, c, o}, [&] { return (gaussian_adaptive(x, c, o, 1).out * weight).sum(); });
  expect_error(ErrorCode::kShape, [&] { gaussian_adaptive(doubles({3, 1}), doubles({2}), doubles({2}), 1); });
  expect_error(ErrorCode::kShape, [&] { gaussian_adaptive(doubles({3, 4}), doubles({2}), doubles({3}), 1); });
  expect_error(ErrorCode::kShape, [&] { gaussian_adaptive(doubles({3, 4}), doubles({2}), doubles({2}), 2); });
}

}  // namespace
