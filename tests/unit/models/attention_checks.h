// What the tests of the attention layer share: the back end for a while, closeness that knows infinities, refusals,
// finite differences.
#pragma once

#include <functional>
#include <limits>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>
#include <fovea/models/self_attention.h>

namespace fovea::attention::testing_tools {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Sizes = std::vector<std::int64_t>;

class BackendScope {
 public:
  explicit BackendScope(Backend wanted) : before_(backend()) { set_backend(wanted); }
  ~BackendScope() { set_backend(before_); }

 private:
  Backend before_;
};

inline at::Tensor doubles(at::IntArrayRef sizes) {
  return at::randn(sizes, at::kDouble);
}

/// Equal infinities count as close; NaN never does.
inline void expect_close(const at::Tensor& a, const at::Tensor& b, double tolerance) {
  ASSERT_EQ(a.sizes(), b.sizes());
  const at::Tensor difference = (a - b).abs().masked_fill(a.eq(b), 0.0);
  EXPECT_LE(difference.max().item<double>(), tolerance);
}

inline void expect_close(const Attended& a, const Attended& b, double tolerance) {
  expect_close(a.out, b.out, tolerance);
  expect_close(a.lse, b.lse, tolerance);
}

/// Every refusal names its kind and says what to do.
inline void expect_error(ErrorCode code, const std::function<void()>& act) {
  try {
    act();
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_FALSE(error.remedy().empty());
  }
}

/// Central difference of `value` at one entry of a dense leaf.
inline double slope_at(const at::Tensor& leaf, std::int64_t entry, const std::function<at::Tensor()>& value) {
  const at::NoGradGuard no_grad;
  const at::Tensor flat = leaf.view(-1);
  const double h = 1e-6, before = flat[entry].item<double>();
  flat[entry] = before + h;
  const double above = value().item<double>();
  flat[entry] = before - h;
  const double below = value().item<double>();
  flat[entry] = before;
  return (above - below) / (2 * h);
}

/// Central differences at every entry of every leaf.
inline void expect_gradients(std::vector<at::Tensor> leaves, const std::function<at::Tensor()>& value,
                             double tolerance = 1e-7) {
  for (auto& leaf : leaves) leaf.set_requires_grad(true);
  value().backward();
  for (auto& leaf : leaves) {
    ASSERT_TRUE(leaf.grad().defined());
    const at::Tensor gradient = leaf.grad().clone().flatten();
    for (std::int64_t i = 0; i < leaf.numel(); ++i)
      ASSERT_NEAR(slope_at(leaf, i, value), gradient[i].item<double>(), tolerance) << "entry " << i;
  }
}

}  // namespace fovea::attention::testing_tools
