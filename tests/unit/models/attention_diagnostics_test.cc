// Diagnostics of attention: against plain loops, known maps and edges.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/models/attention_diagnostics.h>

#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;
using fovea::Error;
using fovea::ErrorCode;

const double kNaN = std::numeric_limits<double>::quiet_NaN();

at::Tensor of(std::vector<double> values) {
  return at::tensor(values, at::kDouble);
}

double at_row(const at::Tensor& values, std::int64_t row) {
  return values[row].item<double>();
}

TEST(Concentration, AgreesWithAPlainLoop) {
  at::manual_seed(1);
  for (const std::int64_t n : {2, 9, 10, 11, 500}) {
    const at::Tensor a = at::softmax(doubles({n, 3}) * 3, 0).t();
    const Concentration result = concentration(a);
    for (std::int64_t row = 0; row < 3; ++row) {
      const at::Tensor line = a[row].contiguous();
      std::vector<double> w(line.const_data_ptr<double>(), line.const_data_ptr<double>() + n);
      std::sort(w.begin(), w.end());
      double entropy = 0, mass = 0, differences = 0;
      for (const double v : w) entropy -= v * std::log(v);
      for (std::int64_t i = std::max<std::int64_t>(0, n - 10); i < n; ++i) mass += w[static_cast<std::size_t>(i)];
      for (const double v : w)  // Gini by its other definition: mean absolute difference over twice the mean
        for (const double u : w) differences += std::abs(v - u);
      EXPECT_NEAR(at_row(result.entropy, row), entropy, 1e-13);
      EXPECT_NEAR(at_row(result.effective_number, row), std::exp(entropy), 1e-10);
      EXPECT_NEAR(at_row(result.normalised_entropy, row), entropy / std::log(static_cast<double>(n)), 1e-13);
      EXPECT_NEAR(at_row(result.topk_mass, row), mass, 1e-14);
      EXPECT_NEAR(at_row(result.largest, row), w.back(), 1e-15);
      EXPECT_NEAR(at_row(result.gini, row), differences / (2 * static_cast<double>(n)), 1e-13);
    }
  }
}

TEST(Concentration, OfUniformOneHotEmptyAndUnscaledRows) {
  at::Tensor a = at::zeros({5, 4});
  a[0].fill_(0.25), a[1][2] = 1, a[3].fill_(7), a[4][0] = static_cast<float>(kNaN);
  const Concentration result = concentration(a, 2);
  EXPECT_NEAR(at_row(result.effective_number, 0), 4, 1e-14);
  EXPECT_NEAR(at_row(result.gini, 0), 0, 1e-15);
  EXPECT_EQ(at_row(result.entropy, 1), 0);
  EXPECT_EQ(at_row(result.effective_number, 1), 1);
  EXPECT_NEAR(at_row(result.gini, 1), 0.75, 1e-15);
  for (const at::Tensor& field : {result.entropy, result.effective_number, result.normalised_entropy, result.topk_mass,
                                  result.largest, result.gini}) {
    EXPECT_EQ(at_row(field, 2), 0);
    EXPECT_NEAR(at_row(field, 3), at_row(field, 0), 1e-15);
    EXPECT_TRUE(std::isnan(at_row(field, 4)));
  }
  EXPECT_EQ(concentration(at::ones({1, 1})).normalised_entropy.item<double>(), 0);
  expect_error(ErrorCode::kShape, [] { concentration(at::ones({2, 0})); });
  expect_error(ErrorCode::kUsage, [] { concentration(at::ones({2, 3}), 0); });
}

TEST(Dilution, NeededMarginAndWeightAreInverse) {
  EXPECT_NEAR(needed_margin(10'000), 9.21, 0.01);
  EXPECT_NEAR(needed_margin(100'000), 11.51, 0.01);
  for (const std::int64_t n : {2, 10, 12345})
    for (const double p : {0.01, 0.5, 0.9}) EXPECT_NEAR(weight_at_margin(n, needed_margin(n, p)), p, 1e-14);
  EXPECT_EQ(needed_margin(1), -kInfinity);
  EXPECT_EQ(weight_at_margin(1, 0), 1);
  EXPECT_EQ(weight_at_margin(100, 1e4), 1);
  EXPECT_EQ(weight_at_margin(100, -1e4), 0);
  expect_error(ErrorCode::kUsage, [] { needed_margin(10, 1.0); });
  expect_error(ErrorCode::kShape, [] { weight_at_margin(0, 1.0); });
}

TEST(Dilution, NoInstanceExceedsTheAvailableMargin) {
  at::manual_seed(2);
  const GateWeights gate{doubles({5, 3}) * 50, doubles({5}),    doubles({5, 3}) * 50,
                         doubles({5}),         doubles({2, 5}), doubles({2})};
  const at::Tensor scores = gated_pool(doubles({4000, 3}), gate).scores;
  const at::Tensor spread = std::get<0>(scores.max(1)) - std::get<0>(scores.min(1));
  EXPECT_TRUE(spread.le(available_margin(gate)).all().item<bool>());
  EXPECT_TRUE(spread.ge(available_margin(gate) * 0.5).all().item<bool>());
}

TEST(Sinks, ScoreIsTheMeanOverTheQueriesThatSeeTheKey) {
  at::manual_seed(3);
  const at::Tensor a = at::softmax(doubles({2, 6, 6}), 2).transpose(0, 1).contiguous().transpose(0, 1);
  const at::Tensor full = sink_scores(a), causal = sink_scores(a, true);
  for (std::int64_t head = 0; head < 2; ++head)
    for (std::int64_t key = 0; key < 6; ++key) {
      double all = 0, later = 0;
      for (std::int64_t query = 0; query < 6; ++query) {
        const double value = a[head][query][key].item<double>();
        all += value, later += query >= key ? value : 0;
      }
      EXPECT_NEAR(full[head][key].item<double>(), all / 6, 1e-15);
      EXPECT_NEAR(causal[head][key].item<double>(), later / static_cast<double>(6 - key), 1e-15);
    }
  EXPECT_TRUE(at::equal(sinks(of({0.1, 0.3, 0.31})), at::tensor({0, 0, 1}).to(at::kBool)));
  expect_error(ErrorCode::kShape, [] { sink_scores(at::ones({3, 4}), true); });
  expect_error(ErrorCode::kShape, [] { sink_scores(at::ones({0, 4})); });
}

TEST(Sinks, SecondarySinksPointTheSameWay) {
  at::Tensor hidden = at::zeros({5, 3}, at::kDouble);
  hidden[0][0] = 2, hidden[1][0] = -5, hidden[2][1] = 1, hidden[3][0] = 1, hidden[3][1] = 1;  // row 4 is zero
  EXPECT_TRUE(at::equal(secondary_sinks(hidden, 0), at::tensor({0, 1, 0, 0, 0}).to(at::kBool)));
  expect_error(ErrorCode::kShape, [&] { secondary_sinks(hidden, 5); });
}

TEST(Agreement, RanksShareTiesAndCorrelationsAgreeWithPlainLoops) {
  EXPECT_TRUE(at::equal(average_ranks(of({3, 1, 3, 2, 3})), of({4, 1, 4, 2, 4})));
  at::manual_seed(4);
  const at::Tensor a = doubles({50}), b = a + doubles({50});
  const double ma = a.mean().item<double>(), mb = b.mean().item<double>();
  double ab = 0, aa = 0, bb = 0;
  for (std::int64_t i = 0; i < 50; ++i) {
    const double u = at_row(a, i) - ma, v = at_row(b, i) - mb;
    ab += u * v, aa += u * u, bb += v * v;
  }
  EXPECT_NEAR(pearson(a, b), ab / std::sqrt(aa * bb), 1e-14);
  EXPECT_NEAR(spearman(a, b), spearman(a.exp(), b * 3 + 1), 1e-14);
  EXPECT_NEAR(pearson(a, a * 2 + 1), 1, 1e-15);
  EXPECT_NEAR(spearman(a, -a), -1, 1e-15);
  EXPECT_NEAR(pearson(a * 1e-200, b), pearson(a, b), 1e-14);
}

TEST(Agreement, NoCorrelationWithAConstantMapOrNaN) {
  const at::Tensor a = of({1, 2, 3}), constant = of({0.1, 0.1, 0.1}), broken = of({1, kNaN, 2});
  EXPECT_TRUE(std::isnan(pearson(a, constant)));
  EXPECT_TRUE(std::isnan(spearman(a, constant)));
  EXPECT_TRUE(std::isnan(spearman(a, broken)));
  EXPECT_TRUE(std::isnan(topk_overlap(a, broken, 2)));
  expect_error(ErrorCode::kShape, [&] { pearson(a, of({1, 2})); });
  expect_error(ErrorCode::kShape, [&] { agreement(of({}), of({})); });
}

TEST(Agreement, OverlapCountsSharedStrongest) {
  EXPECT_DOUBLE_EQ(topk_overlap(of({5, 4, 3, 2, 1}), of({5, 1, 4, 2, 3}), 2), 0.5);
  EXPECT_DOUBLE_EQ(topk_overlap(of({1, 1, 1, 1}), of({2, 2, 1, 1}), 2), 1);
  EXPECT_DOUBLE_EQ(topk_overlap(of({1, 2}), of({2, 1}), 10), 1);
}

TEST(Curves, FollowTheInstancesThatMatter) {
  const at::Tensor map = of({0.1, 0.9, 0.2, 0.8, 0.0, 0.3, 0.15, 0.05, 0.25, 0.12});
  const ClassProbability by_two = [](const at::Tensor& keep) {
    EXPECT_GT(keep.sum().item<std::int64_t>(), 0);
    return 0.5 * (keep[1].item<bool>() ? 1 : 0) + 0.5 * (keep[3].item<bool>() ? 1 : 0);
  };
  const Curve deletion = deletion_curve(map, by_two), insertion = insertion_curve(map, by_two);
  ASSERT_EQ(deletion.share.size(), 10u);
  EXPECT_DOUBLE_EQ(deletion.share.front(), 0);
  EXPECT_DOUBLE_EQ(deletion.share.back(), 0.9);
  EXPECT_DOUBLE_EQ(insertion.share.front(), 0.1);
  EXPECT_DOUBLE_EQ(insertion.share.back(), 1);
  EXPECT_DOUBLE_EQ(deletion.probability[1], 0.5);
  EXPECT_DOUBLE_EQ(deletion.probability[2], 0);
  EXPECT_NEAR(deletion.area, (0.75 + 0.25) / 9, 1e-15);
  EXPECT_NEAR(insertion.area, (0.75 + 8) / 9, 1e-15);
  EXPECT_GT(deletion_curve(-map, by_two).area, 0.8);
}

TEST(Curves, ConstantProbabilityStepsAndEdges) {
  const ClassProbability constant = [](const at::Tensor&) { return 0.7; };
  const Curve curve = deletion_curve(at::rand({1001}, at::kDouble), constant, 7);
  EXPECT_EQ(curve.share.size(), 8u);
  EXPECT_NEAR(curve.area, 0.7, 1e-15);
  EXPECT_EQ(insertion_curve(of({1}), constant).share.size(), 1u);
  EXPECT_EQ(deletion_curve(of({1}), constant).area, 0.7);
  expect_error(ErrorCode::kUsage, [&] { deletion_curve(of({1, kNaN}), constant); });
  expect_error(ErrorCode::kUsage, [&] { deletion_curve(of({1, 2}), constant, 0); });
  expect_error(ErrorCode::kShape, [&] { insertion_curve(of({}), constant); });
}

TEST(Ablation, LengthAndDirectionAreTold) {
  const at::Tensor full = of({3, 4, 1, 0, 0, 0, 1, 0, 0, 0}).reshape({5, 2}),
                   ablated = of({6, 8, 0, 1, 0, 0, 0, 0, 1, 1}).reshape({5, 2});
  const Divergence result = ablation_divergence(full, ablated);
  EXPECT_TRUE(at::allclose(result.relative_l2, of({1, std::sqrt(2.0), 0, 1, kInfinity}), 0, 1e-15));
  EXPECT_TRUE(at::allclose(result.cosine_change, of({0, 1, 0, 1, 1}), 0, 1e-15));
  expect_error(ErrorCode::kShape, [&] { ablation_divergence(full, ablated.slice(0, 1)); });
}

TEST(Ablation, LossChangesPerBranch) {
  const at::Tensor z = of({1, 2, 6}).reshape({3, 1});
  const at::Tensor changes = branch_loss_changes(z, [](const at::Tensor& rest) { return rest.mean().item<double>(); });
  EXPECT_TRUE(at::allclose(changes, of({1, 0.5, -1.5}), 0, 1e-15));
  expect_error(ErrorCode::kShape,
               [&] { branch_loss_changes(z.slice(0, 0, 1), [](const at::Tensor&) { return 0.0; }); });
}

}  // namespace
