// Split states, their merges and the Gram of branch weights: any cut is the whole, masked rows, fixed bits, gradients.
#include <cmath>
#include <random>

#include <ATen/Parallel.h>

#include <fovea/base/error.h>
#include <fovea/models/softmax_state.h>

#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

/// out and lse of whole rows, key by key.
Merged naive(const at::Tensor& scores, const at::Tensor& v) {
  const at::Tensor out = at::zeros({scores.size(0), v.size(1)}, v.options()),
                   lse = at::full({scores.size(0)}, -kInfinity, v.options());
  for (std::int64_t row = 0; row < scores.size(0); ++row) {
    const double m = scores[row].max().item<double>();
    if (m == -kInfinity) continue;
    double l = 0;
    for (std::int64_t i = 0; i < scores.size(1); ++i) {
      const double e = std::exp(scores[row][i].item<double>() - m);
      l += e;
      out[row].add_(v[i] * e);
    }
    out[row].div_(l);
    lse[row] = m + std::log(l);
  }
  return {out, lse};
}

void expect_close(const Merged& a, const Merged& b, double tolerance) {
  testing_tools::expect_close(a.out, b.out, tolerance);
  testing_tools::expect_close(a.lse, b.lse, tolerance);
}

std::vector<SplitState> cut(const at::Tensor& scores, const at::Tensor& v, const std::vector<std::int64_t>& cuts) {
  std::vector<SplitState> parts;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i)
    parts.push_back(split_state(scores.slice(1, cuts[i], cuts[i + 1]), v.slice(0, cuts[i], cuts[i + 1])));
  return parts;
}

Merged by_lse(const std::vector<SplitState>& parts) {
  std::vector<at::Tensor> outs, lses;
  for (const SplitState& part : parts) {
    const Merged one = finished(part);
    outs.push_back(one.out), lses.push_back(one.lse);
  }
  return softmax_merge(at::stack(outs), at::stack(lses));
}

at::Tensor masked_scores(std::int64_t rows, std::int64_t keys) {
  at::Tensor scores = doubles({rows, keys}) * 5;
  scores[0].fill_(-kInfinity);
  scores[1].slice(0, 0, keys / 2).fill_(-kInfinity);
  scores[2].slice(0, keys / 3).fill_(-kInfinity);
  scores[3][1] = 1e4, scores[3][keys - 1] = -1e4;
  return scores;
}

TEST(SplitState, AnyCutsGiveTheWhole) {
  at::manual_seed(71);
  std::mt19937 random(5);
  for (int trial = 0; trial < 10; ++trial) {
    const std::int64_t keys = 6 + static_cast<std::int64_t>(random() % 60);
    const at::Tensor scores = masked_scores(5, keys), v = doubles({4, keys}).t();
    std::vector<std::int64_t> cuts{0};
    while (cuts.back() < keys)
      cuts.push_back(std::min(keys, cuts.back() + 1 + static_cast<std::int64_t>(random() % 20)));
    const Merged expected = naive(scores, v);
    const std::vector<SplitState> parts = cut(scores, v, cuts);
    expect_close(finished(merged_states(parts)), expected, 1e-11);
    expect_close(by_lse(parts), expected, 1e-11);
  }
}

TEST(SplitState, TheEmptyStateIsNeutralAndOrderMattersOnlyInRounding) {
  at::manual_seed(72);
  const at::Tensor scores = masked_scores(4, 30), v = doubles({30, 3});
  const std::vector<SplitState> parts = cut(scores, v, {0, 7, 21, 30});
  const SplitState whole = merged_states(parts);
  for (const SplitState& same :
       {merged_states(whole, empty_state(4, 3, v)), merged_states(empty_state(4, 3, v), whole)}) {
    EXPECT_TRUE(at::equal(same.m, whole.m));
    EXPECT_TRUE(at::equal(same.l, whole.l));
    EXPECT_TRUE(at::equal(same.o, whole.o));
  }
  expect_close(finished(merged_states({parts[2], parts[0], parts[1]})), finished(whole), 1e-12);
  expect_close(finished(merged_states(parts[0], merged_states(parts[1], parts[2]))), finished(whole), 1e-12);
  const Merged nothing = finished(empty_state(4, 3, v));
  EXPECT_EQ(nothing.out.abs().sum().item<double>(), 0);
  EXPECT_TRUE(nothing.lse.eq(-kInfinity).all().item<bool>());
}

TEST(SplitState, TheOutputOfAnEmptyPartIsNotReadAndNanIsNotHidden) {
  const at::Tensor outs = at::ones({2, 3, 2}, at::kDouble), lses = at::zeros({2, 3}, at::kDouble);
  outs[0][0].fill_(std::nan("")), lses[0][0] = -kInfinity;
  lses[0][1] = -kInfinity, lses[1][1] = -kInfinity;
  lses[1][2] = std::nan("");
  const Merged merged = softmax_merge(outs, lses);
  EXPECT_EQ(merged.out[0][0].item<double>(), 1);
  EXPECT_EQ(merged.out[1].abs().sum().item<double>(), 0);
  EXPECT_EQ(merged.lse[1].item<double>(), -kInfinity);
  EXPECT_TRUE(at::isnan(merged.out[2]).all().item<bool>());
  EXPECT_TRUE(at::isnan(merged.lse[2]).item<bool>());
  const at::Tensor scores = at::zeros({1, 4}, at::kDouble);
  scores[0][2] = kInfinity;
  EXPECT_TRUE(at::isnan(finished(split_state(scores, doubles({4, 2}))).out).all().item<bool>());
}

TEST(SplitState, GradientsMatchFiniteDifferencesWithMaskedRows) {
  at::manual_seed(73);
  at::Tensor scores = doubles({4, 9}), v = doubles({9, 2});
  at::Tensor dropped = at::zeros({4, 9}, at::kBool);
  dropped[0].fill_(true), dropped[1].slice(0, 0, 5).fill_(true);
  const at::Tensor co = doubles({4, 2}), cl = doubles({3});
  const auto value = [&](bool finish_first) {
    const auto parts = cut(scores.masked_fill(dropped, -kInfinity), v, {0, 2, 6, 9});
    const Merged merged = finish_first ? by_lse(parts) : finished(merged_states(parts));
    return (merged.out * co).sum() + (merged.lse.slice(0, 1) * cl).sum();
  };
  for (const bool finish_first : {false, true}) {
    expect_gradients({scores, v}, [&] { return value(finish_first); });
    EXPECT_EQ(scores.grad()[0].abs().sum().item<double>(), 0);
    for (at::Tensor* leaf : {&scores, &v}) leaf->mutable_grad() = at::Tensor();
  }
}

TEST(SplitState, PartsThatDoNotFitAreRefused) {
  EXPECT_THROW(split_state(doubles({2, 0}), doubles({0, 3})), fovea::Error);
  EXPECT_THROW(split_state(doubles({2, 4}), doubles({5, 3})), fovea::Error);
  EXPECT_THROW(merged_states(std::vector<SplitState>{}), fovea::Error);
  EXPECT_THROW(merged_states(empty_state(2, 3, doubles({1})), empty_state(3, 3, doubles({1}))), fovea::Error);
  EXPECT_THROW(softmax_merge(doubles({0, 2, 3}), doubles({0, 2})), fovea::Error);
  EXPECT_THROW(softmax_merge(doubles({2, 2, 3}), doubles({2, 3})), fovea::Error);
}

at::Tensor naive_gram(const at::Tensor& scores) {
  const at::Tensor gram = at::zeros({scores.size(0), scores.size(0)}, scores.options());
  const Merged rows = naive(scores, at::ones({scores.size(1), 1}, at::kDouble));
  for (std::int64_t i = 0; i < scores.size(0); ++i)
    for (std::int64_t j = 0; j < scores.size(0); ++j) {
      if (rows.lse[i].item<double>() == -kInfinity || rows.lse[j].item<double>() == -kInfinity) continue;
      gram[i][j] = ((scores[i] - rows.lse[i]).exp() * (scores[j] - rows.lse[j]).exp()).sum();
    }
  return gram;
}

TEST(BranchGram, SplitsAndReferenceEqualTheDefinition) {
  at::manual_seed(74);
  for (const std::int64_t keys : {9, 1023, 1025, 2300}) {
    const at::Tensor scores = masked_scores(5, keys), expected = naive_gram(scores);
    for (const Backend which : {Backend::kAuto, Backend::kReference}) {
      const BackendScope scope(which);
      const BranchGram branches = branch_gram(scores);
      testing_tools::expect_close(branches.gram, expected, 1e-12);
      double sum = 0;
      for (std::int64_t i = 1; i < 5; ++i)
        for (std::int64_t j = i + 1; j < 5; ++j)
          sum +=
              expected[i][j].item<double>() / std::sqrt(expected[i][i].item<double>() * expected[j][j].item<double>());
      EXPECT_NEAR(branches.diversity.item<double>(), sum / 10, 1e-12);
    }
    testing_tools::expect_close(branch_gram(scores.to(at::kFloat)).gram.to(at::kDouble), expected, 1e-5);
  }
  EXPECT_EQ(branch_gram(doubles({1, 5})).diversity.item<double>(), 0);
  EXPECT_THROW(branch_gram(doubles({3, 0})), fovea::Error);
}

TEST(BranchGram, BitsDoNotDependOnThreads) {
  at::manual_seed(75);
  const at::Tensor scores = at::randn({70003, 5}).t();
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const BranchGram expected = branch_gram(scores);
  for (const int count : {2, 3, 4}) {
    at::set_num_threads(count);
    const BranchGram branches = branch_gram(scores);
    EXPECT_TRUE(at::equal(branches.gram, expected.gram));
    EXPECT_TRUE(at::equal(branches.diversity, expected.diversity));
  }
  at::set_num_threads(threads);
}

TEST(BranchGram, GradientsMatchFiniteDifferencesAndAMaskedBranchHasNone) {
  at::manual_seed(76);
  at::Tensor scores = doubles({4, 7});
  at::Tensor dropped = at::zeros({4, 7}, at::kBool);
  dropped[2].fill_(true), dropped[1][3].fill_(true);
  const at::Tensor weight = doubles({4, 4});
  expect_gradients({scores}, [&] {
    const BranchGram branches = branch_gram(scores.masked_fill(dropped, -kInfinity));
    return (branches.gram * weight).sum() + branches.diversity;
  });
  EXPECT_EQ(scores.grad()[2].abs().sum().item<double>(), 0);
}

TEST(BranchGram, NanIsNotHidden) {
  for (const Backend which : {Backend::kAuto, Backend::kReference}) {
    const BackendScope scope(which);
    at::Tensor scores = doubles({2, 1500});
    scores[1][1200] = std::nan("");
    EXPECT_TRUE(at::isnan(branch_gram(scores).gram[1]).all().item<bool>());
    EXPECT_TRUE(at::isnan(branch_gram(scores).diversity).item<bool>());
  }
}

}  // namespace
