// The native backward of pooling against autograd through the reference, and the vector kernels against plain loops.
#include <cmath>
#include <cstring>
#include <limits>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "attention/kernels/vector/table.h"
#include "attention/ops/pool.h"

namespace {

using namespace fovea::attention;
using ops::GatedPoolGradients;
using ops::PooledGradients;

struct Sizes {
  std::int64_t n, d, h, k;
  bool gated;
};

GateWeights gate_of(const Sizes& s, at::ScalarType type) {
  const auto o = at::TensorOptions(type);
  const double scale = 1 / std::sqrt(static_cast<double>(s.d));
  GateWeights w{at::randn({s.h, s.d}, o) * scale, at::randn({s.h}, o), {}, {},
                at::randn({s.k, s.h}, o),         at::randn({s.k}, o)};
  if (s.gated) w.wu = at::randn({s.h, s.d}, o) * scale, w.bu = at::randn({s.h}, o);
  return w;
}

std::vector<at::Tensor> leaves_of(const at::Tensor& x, const GateWeights& w) {
  std::vector<at::Tensor> leaves{x, w.wv, w.bv, w.w, w.b};
  if (w.wu.defined()) leaves.insert(leaves.end(), {w.wu, w.bu});
  return leaves;
}

class GatedBackward : public testing::TestWithParam<std::tuple<Sizes, at::ScalarType, bool>> {};

TEST_P(GatedBackward, EqualsAutogradThroughTheReference) {
  const auto [sizes, type, masked] = GetParam();
  at::manual_seed(sizes.n * 31 + sizes.k);
  const auto o = at::TensorOptions(type);
  at::Tensor x = at::randn({sizes.n, sizes.d}, o);
  GateWeights w = gate_of(sizes, type);
  c10::optional<at::Tensor> keep;
  if (masked) keep = at::rand({sizes.k, sizes.n}) > 0.3;
  PooledGradients g{at::randn({sizes.k, sizes.d}, o), at::randn({sizes.k, sizes.n}, o) / sizes.n,
                    at::randn({sizes.k}, o), at::randn({sizes.k}, o), at::randn({sizes.k, sizes.k}, o)};
  const double fill = -1e9;
  const ops::Keep native_keep{keep ? *keep : at::Tensor(), fill};
  const Pooled native = ops::native_gated_pool(x, w, native_keep);
  const GatedPoolGradients got = ops::native_gated_pool_backward(g, native, x, w, native_keep, true);

  for (at::Tensor& leaf : std::vector<at::Tensor>{x, w.wv, w.bv, w.wu, w.bu, w.w, w.b})
    if (leaf.defined()) leaf.requires_grad_(true);
  const Pooled plain = ops::reference_gated_pool(x, w, keep, fill);
  const auto leaves = leaves_of(x, w);
  const auto expected = torch::autograd::grad({plain.z, plain.scores, plain.lse, plain.entropy, plain.gram}, leaves,
                                              {g.z, g.scores, g.lse, g.entropy, g.gram});
  std::vector<at::Tensor> have{got.x, got.wv, got.bv, got.w, got.b};
  if (sizes.gated) have.insert(have.end(), {got.wu, got.bu});
  const double tolerance = type == at::kDouble ? 1e-11 : 2e-4;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    ASSERT_EQ(have[i].sizes(), leaves[i].sizes()) << i;
    EXPECT_LE((have[i] - expected[i]).abs().max().item<double>(),
              tolerance * std::max(1.0, expected[i].abs().max().item<double>()))
        << "leaf " << i;
  }
  EXPECT_LE((native.gram - plain.gram).abs().max().item<double>(), type == at::kDouble ? 1e-13 : 1e-5);
}
INSTANTIATE_TEST_SUITE_P(Many, GatedBackward,
                         testing::Combine(testing::Values(Sizes{1, 5, 3, 1, true}, Sizes{7, 12, 9, 5, true},
                                                          Sizes{1500, 33, 20, 3, true}, Sizes{2600, 16, 17, 11, false}),
                                          testing::Values(at::kDouble, at::kFloat), testing::Bool()));

TEST(PoolBackward, BitsDoNotDependOnThreads) {
  at::manual_seed(2);
  const Sizes sizes{9000, 64, 32, 5, true};
  const at::Tensor x = at::randn({sizes.n, sizes.d});
  const GateWeights w = gate_of(sizes, at::kFloat);
  const Pooled pooled = ops::native_gated_pool(x, w, {});
  const PooledGradients g{at::randn({5, 64}), {}, {}, at::randn({5}), {}};
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = ops::native_gated_pool_backward(g, pooled, x, w, {}, true);
  at::set_num_threads(2);
  const auto two = ops::native_gated_pool_backward(g, pooled, x, w, {}, true);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one.wv, two.wv) && at::equal(one.wu, two.wu) && at::equal(one.x, two.x));
  EXPECT_TRUE(at::equal(one.w, two.w) && at::equal(one.bv, two.bv) && at::equal(one.b, two.b));
}

TEST(PoolBackward, AnAbsentBranchHasNoGradientAndNoNan) {
  at::Tensor scores = at::randn({2, 50}, at::kDouble);
  scores[0].fill_(-std::numeric_limits<double>::infinity());
  const at::Tensor x = at::randn({50, 4}, at::kDouble);
  const Pooled pooled = ops::native_score_pool(scores, x);
  const PooledGradients g{at::randn({2, 4}, at::kDouble),
                          {},
                          at::ones({2}, at::kDouble),
                          at::ones({2}, at::kDouble),
                          at::ones({2, 2}, at::kDouble)};
  const auto got = ops::native_score_pool_backward(g, pooled, x, true, true);
  EXPECT_EQ(got.scores[0].abs().max().item<double>(), 0);
  EXPECT_GT(got.scores[1].abs().max().item<double>(), 0);
  EXPECT_TRUE(at::isfinite(got.x).all().item<bool>());
}

TEST(Pool, Bf16AndHalfRowsAreWidenedNotComputedWith) {
  at::manual_seed(6);
  const Sizes sizes{3000, 96, 40, 4, true};
  const GateWeights fine = gate_of(sizes, at::kFloat);
  const at::Tensor x = at::randn({sizes.n, sizes.d});
  for (at::ScalarType narrow : {at::kBFloat16, at::kHalf}) {
    const at::Tensor rows = x.to(narrow);
    GateWeights w = fine;
    for (at::Tensor* t : {&w.wv, &w.bv, &w.wu, &w.bu, &w.w, &w.b}) *t = t->to(narrow);
    GateWeights widened = w;
    for (at::Tensor* t : {&widened.wv, &widened.bv, &widened.wu, &widened.bu, &widened.w, &widened.b})
      *t = t->to(at::kFloat);
    const Pooled got = gated_pool(rows, w), expected = gated_pool(rows.to(at::kFloat), widened);
    EXPECT_EQ(got.z.scalar_type(), narrow);
    EXPECT_EQ(got.scores.scalar_type(), at::kFloat);
    // With bf16 tiles in the CPU the products differ from float32's in the order of their sums.
    EXPECT_LE((got.lse - expected.lse).abs().max().item<double>(), 1e-2);
    EXPECT_LE((got.z.to(at::kFloat) - expected.z).abs().max().item<double>(), 2e-2);
  }
}

TEST(VectorKernels, EverySetAgreesWithPlainLoopsInDouble) {
  at::manual_seed(8);
  const auto& oracle = kernels::pool_kernels<double>();
  for (const auto* run : kernels::runnable_pool_kernels())
    for (std::int64_t hidden : {1, 15, 16, 33, 128})
      for (std::int64_t branches : {1, 5, 8, 13})
        for (bool gated : {true, false}) {
          const kernels::GateShape shape{hidden, branches, gated};
          const std::int64_t n = 9;
          const at::Tensor pre = at::randn({n, shape.columns()}) * 4, bias = at::randn({shape.columns()}),
                           w = at::randn({branches, hidden}), b = at::randn({branches}), ds = at::randn({branches, n});
          const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };
          const at::Tensor pre_d = wide(pre), bias_d = wide(bias), w_d = wide(w), b_d = wide(b), ds_d = wide(ds);
          at::Tensor scores = at::empty({branches, n}), scores_d = wide(scores), dw = at::zeros_like(w),
                     dw_d = wide(dw), db = at::zeros_like(bias), db_d = wide(db), back = pre.clone(),
                     back_d = pre_d.clone();
          run->gate_scores(pre.const_data_ptr<float>(), n, shape, bias.const_data_ptr<float>(),
                           w.const_data_ptr<float>(), b.const_data_ptr<float>(), scores.mutable_data_ptr<float>(), n);
          oracle.gate_scores(pre_d.const_data_ptr<double>(), n, shape, bias_d.const_data_ptr<double>(),
                             w_d.const_data_ptr<double>(), b_d.const_data_ptr<double>(),
                             scores_d.mutable_data_ptr<double>(), n);
          run->gate_backward(back.mutable_data_ptr<float>(), n, shape, bias.const_data_ptr<float>(),
                             w.const_data_ptr<float>(), ds.const_data_ptr<float>(), n, dw.mutable_data_ptr<float>(),
                             db.mutable_data_ptr<float>());
          oracle.gate_backward(back_d.mutable_data_ptr<double>(), n, shape, bias_d.const_data_ptr<double>(),
                               w_d.const_data_ptr<double>(), ds_d.const_data_ptr<double>(), n,
                               dw_d.mutable_data_ptr<double>(), db_d.mutable_data_ptr<double>());
          const auto error = [](const at::Tensor& a, const at::Tensor& b) {
            return (a - b).abs().max().item<double>();
          };
          const double tolerance = 1e-6 * static_cast<double>(hidden + 8);
          EXPECT_LE(error(scores, scores_d), tolerance) << run->name;
          EXPECT_LE(error(back, back_d), tolerance) << run->name;
          EXPECT_LE(error(dw, dw_d), tolerance) << run->name;
          EXPECT_LE(error(db, db_d), tolerance) << run->name;
        }
}

TEST(VectorKernels, ExponentialsKeepTheirStatedError) {
  for (const auto* run : kernels::runnable_pool_kernels()) {
    double worst = 0;
    std::vector<float> s, e;
    for (float x = -87.0F; x < 88.0F; x += 0.0137F) s.push_back(x);
    e.resize(s.size());
    run->exp_shifted(s.data(), static_cast<std::int64_t>(s.size()), 0, e.data());
    for (std::size_t i = 0; i < s.size(); ++i) {
      const double exact = std::exp(static_cast<double>(s[i]));
      worst = std::max(worst, std::abs(e[i] - exact) / exact);
    }
    EXPECT_LT(worst, 2e-7) << run->name;
    const float inf = std::numeric_limits<float>::infinity();
    float edges[] = {-inf, inf, std::nanf(""), -1e4F, 1e4F, 0};
    run->exp_shifted(edges, 6, 0, edges);
    EXPECT_EQ(edges[0], 0) << run->name;
    EXPECT_EQ(edges[1], inf) << run->name;
    EXPECT_TRUE(std::isnan(edges[2])) << run->name;
    EXPECT_EQ(edges[3], 0) << run->name;
    EXPECT_EQ(edges[4], inf) << run->name;
    EXPECT_EQ(edges[5], 1) << run->name;
  }
}

TEST(VectorKernels, WideningIsExactForEveryBitPattern) {
  std::vector<std::uint16_t> bits(1 << 16);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint16_t>(i);
  const auto count = static_cast<std::int64_t>(bits.size());
  for (at::ScalarType type : {at::kBFloat16, at::kHalf}) {
    const at::Tensor narrow = at::empty({count}, type), wide = at::empty({count});
    std::memcpy(narrow.mutable_data_ptr(), bits.data(), bits.size() * 2);
    (type == at::kHalf ? kernels::widen_half : kernels::widen_bf16)(bits.data(), count, wide.mutable_data_ptr<float>());
    const at::Tensor expected = narrow.to(at::kFloat), number = at::isnan(expected).logical_not();
    EXPECT_TRUE(at::equal(at::isnan(wide).logical_not(), number));
    EXPECT_TRUE(at::equal(wide.masked_select(number), expected.masked_select(number)));
  }
}

TEST(VectorKernels, GateSaturatesAndKeepsNan) {
  for (const auto* run : kernels::runnable_pool_kernels()) {
    const float huge = 1e4F, nan = std::nanf(""), one = 1, none = 0, zeros[2] = {0, 0};
    const kernels::GateShape shape{1, 1, true};
    const auto score = [&](float v, float u) {
      const float pre[2] = {v, u};
      float s = 0;
      run->gate_scores(pre, 1, shape, zeros, &one, &none, &s, 1);
      return s;
    };
    EXPECT_NEAR(score(huge, huge), 1, 1e-6) << run->name;
    EXPECT_NEAR(score(-huge, huge), -1, 1e-6) << run->name;
    EXPECT_NEAR(score(huge, -huge), 0, 1e-6) << run->name;
    EXPECT_TRUE(std::isnan(score(nan, 0))) << run->name;
    EXPECT_TRUE(std::isnan(score(0, nan))) << run->name;
  }
}

}  // namespace
