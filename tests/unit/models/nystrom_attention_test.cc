// Nystrom attention against its definition, written out, and against exact attention where both agree.
#include <fovea/models/nystrom_attention.h>

#include <cmath>

#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

at::Tensor softmax_of(const at::Tensor& a, const at::Tensor& b) {
  return (a.matmul(b.transpose(-2, -1)) / std::sqrt(static_cast<double>(a.size(-1)))).softmax(-1);
}

/// With the true pseudo-inverse, for tokens that landmarks divide.
at::Tensor exact_weights(const at::Tensor& q, const at::Tensor& k, std::int64_t m) {
  const auto means = [m](const at::Tensor& x) {
    return x.reshape({x.size(0), x.size(1), m, x.size(2) / m, x.size(3)}).mean(3);
  };
  const at::Tensor middle = softmax_of(means(q), means(k));
  return softmax_of(q, means(k)).matmul(at::linalg_pinv(middle)).matmul(softmax_of(means(q), k));
}

TEST(NystromAttention, ManyIterationsReachTheDefinition) {
  at::manual_seed(1);
  const at::Tensor q = doubles({2, 3, 24, 5}), k = doubles({2, 3, 24, 5}), v = doubles({2, 3, 24, 4});
  const NystromOptions options{6, 40};
  const at::Tensor expected = exact_weights(q, k, 6).matmul(v);
  for (const Backend backend : {Backend::kAuto, Backend::kReference}) {
    const BackendScope scope(backend);
    expect_close(nystrom_attention(q, k, v, options), expected, 1e-6);
  }
}

TEST(NystromAttention, WithALandmarkForEveryTokenItIsExactAttention) {
  at::manual_seed(2);
  const at::Tensor q = doubles({1, 2, 7, 4}), k = doubles({1, 2, 7, 4}), v = doubles({1, 2, 7, 4});
  expect_close(nystrom_attention(q, k, v, {7, 60}), softmax_of(q, k).matmul(v), 1e-5);
}

/// The padding in front takes part as keys of zeros: the same as tokens of zeros in front.
TEST(NystromAttention, TokensThatLandmarksDoNotDivideArePaddedInFront) {
  at::manual_seed(3);
  const at::Tensor q = doubles({1, 2, 10, 4}), k = doubles({1, 2, 10, 4}), v = doubles({1, 2, 10, 4});
  const auto padded = [](const at::Tensor& x) { return at::constant_pad_nd(x, {0, 0, 2, 0}); };
  const at::Tensor whole = nystrom_attention(padded(q), padded(k), padded(v), {4, 6});
  expect_close(nystrom_attention(q, k, v, {4, 6}), whole.slice(2, 2).contiguous(), 1e-12);
}

TEST(NystromAttention, TheWeightsOfAQueryGiveItsOutput) {
  at::manual_seed(4);
  const at::Tensor q = doubles({1, 2, 9001, 4}), k = doubles({1, 2, 9001, 4}), v = doubles({1, 2, 9001, 3});
  const at::Tensor weights = nystrom_weights(q, k, 2, {16, 6});
  EXPECT_EQ(weights.sizes(), (Sizes{1, 2, 2, 9001}));
  expect_close(weights.matmul(v), nystrom_attention(q, k, v, {16, 6}).slice(2, 0, 2).contiguous(), 1e-10);
}

TEST(NystromAttention, FewerTokensThanLandmarksAndOneTokenAreFine) {
  at::manual_seed(5);
  for (const std::int64_t n : {1, 2, 5}) {
    const at::Tensor x = doubles({1, 8, n, 4});
    EXPECT_TRUE(nystrom_attention(x, x, x, {32, 6}).isfinite().all().item<bool>());
  }
}

TEST(NystromAttention, GradientsAgreeWithFiniteDifferences) {
  at::manual_seed(6);
  const at::Tensor q = doubles({1, 2, 5, 3}), k = doubles({1, 2, 5, 3}), v = doubles({1, 2, 5, 3}),
                   weight = doubles({1, 2, 5, 3});
  expect_gradients({q, k, v}, [&] { return (nystrom_attention(q, k, v, {2, 6}) * weight).sum(); });
}

TEST(NystromAttention, StridedInputsAndNaN) {
  at::manual_seed(7);
  const at::Tensor x = doubles({1, 6, 2, 8}).transpose(1, 2).slice(3, 0, 8, 2);
  expect_close(nystrom_attention(x, x, x, {3, 6}),
               nystrom_attention(x.contiguous(), x.contiguous(), x.contiguous(), {3, 6}), 1e-12);
  at::Tensor spoilt = x.clone();
  spoilt[0][0][2][1] = std::nan("");
  EXPECT_TRUE(nystrom_attention(spoilt, spoilt, spoilt, {3, 6})[0][0].isnan().any().item<bool>());
}

TEST(NystromAttention, WhatDoesNotFitIsRefused) {
  const at::Tensor x = at::ones({1, 2, 4, 3});
  const auto refused = [](const std::function<void()>& act) { expect_error(fovea::ErrorCode::kShape, act); };
  refused([&] { nystrom_attention(x, x.slice(2, 0, 3), x); });
  refused([&] { nystrom_attention(x, x, x.slice(2, 0, 3)); });
  refused([&] { nystrom_attention(x.slice(2, 0, 0), x.slice(2, 0, 0), x.slice(2, 0, 0)); });
  refused([&] { nystrom_attention(x, x, x, {0, 6}); });
  refused([&] { nystrom_weights(x, x, 5); });
}

}  // namespace
