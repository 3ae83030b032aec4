// Neighbourhood attention against dense attention under a mask written from the formula.
#include <cmath>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/models/self_attention.h>

#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

struct Grid {
  Sizes shape, window, stride, dilation;
  std::vector<bool> causal;
};

/// May p look at j on one axis, by the formula of 3.6.
bool allowed(std::int64_t length, std::int64_t w, std::int64_t t, std::int64_t d, bool causal, std::int64_t p,
             std::int64_t j) {
  if (p % d != j % d) return false;
  const auto g = p % d, i = p / d,
             n = static_cast<std::int64_t>(std::ceil(static_cast<double>(length - g) / static_cast<double>(d)));
  if (causal) {
    const auto leader = std::min((i / t) * t + t - 1, n - 1);
    return j / d >= std::max<std::int64_t>(leader - w + 1, 0) && j / d < i + 1;
  }
  const auto left = w / 2, right = w / 2 - 1 + (w % 2), leader = std::min((i / t) * t + t / 2, n - 1);
  const auto start = std::max<std::int64_t>(leader - left, 0) + (leader + right >= n ? n - right - leader - 1 : 0);
  return j / d >= start && j / d < start + w;
}

at::Tensor naive_mask(const Grid& grid) {
  std::int64_t n = 1;
  for (auto length : grid.shape) n *= length;
  auto mask = at::zeros({n, n}, at::kBool);
  for (std::int64_t p = 0; p < n; ++p)
    for (std::int64_t j = 0; j < n; ++j) {
      bool seen = true;
      auto pr = p, jr = j;
      for (std::size_t a = grid.shape.size(); a-- > 0; pr /= grid.shape[a], jr /= grid.shape[a])
        seen = seen && allowed(grid.shape[a], grid.window[a], grid.stride[a], grid.dilation[a], grid.causal[a],
                               pr % grid.shape[a], jr % grid.shape[a]);
      mask.mutable_data_ptr<bool>()[p * n + j] = seen;
    }
  return mask;
}

NeighbourhoodOptions options_of(const Grid& grid) {
  NeighbourhoodOptions o;
  o.window = grid.window, o.stride = grid.stride, o.dilation = grid.dilation, o.causal = grid.causal;
  return o;
}

class Neighbourhoods : public testing::TestWithParam<Grid> {};

TEST_P(Neighbourhoods, TilesAndReferenceAgreeWithTheFormula) {
  const Grid grid = GetParam();
  at::manual_seed(11);
  AttentionOptions dense;
  dense.keep = naive_mask(grid).unsqueeze(0).unsqueeze(0);
  const auto n = dense.keep.size(2);
  const auto q = doubles({2, n, 3, 5}).transpose(1, 2), k = doubles({2, n, 3, 5}).transpose(1, 2),
             v = doubles({2, n, 3, 4}).transpose(1, 2);
  const Attended expected = attention(q, k, v, dense);
  expect_close(neighbourhood_attention(q, k, v, grid.shape, options_of(grid)), expected, 1e-13);
  const auto single = [](const at::Tensor& x) { return x.to(at::kFloat); };
  expect_close(single(neighbourhood_attention(single(q), single(k), single(v), grid.shape, options_of(grid)).out),
               single(expected.out), 5e-6);
  const BackendScope scope(Backend::kReference);
  expect_close(neighbourhood_attention(q, k, v, grid.shape, options_of(grid)), expected, 1e-13);
}

TEST_P(Neighbourhoods, HolesAreNeverReadNorWritten) {
  const Grid grid = GetParam();
  at::manual_seed(12);
  AttentionOptions dense;
  const auto mask = naive_mask(grid);
  const auto n = mask.size(0);
  auto o = options_of(grid);
  o.valid = at::rand({n}).gt(0.4);
  const auto hole = o.valid.logical_not().view({1, 1, n, 1});
  dense.keep = mask.logical_and(o.valid).logical_and(o.valid.unsqueeze(1)).unsqueeze(0).unsqueeze(0);
  const auto q = doubles({1, 2, n, 4}), k = doubles({1, 2, n, 4}), v = doubles({1, 2, n, 4});
  const Attended expected = attention(q, k, v, dense);
  for (Backend which : {Backend::kAuto, Backend::kReference}) {
    const BackendScope scope(which);
    const auto nan = [&](const at::Tensor& x) { return x.masked_fill(hole, std::nan("")); };
    const Attended a = neighbourhood_attention(nan(q), nan(k), nan(v), grid.shape, o);
    expect_close(a, expected, 1e-13);
    EXPECT_TRUE(a.out.masked_select(hole).eq(0).all().item<bool>());
  }
  o.valid = at::zeros({n}, at::kBool);
  EXPECT_TRUE(neighbourhood_attention(q, k, v, grid.shape, o).lse.eq(-kInfinity).all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(Grids, Neighbourhoods,
                         testing::Values(Grid{{1}, {1}, {1}, {1}, {false}}, Grid{{70}, {7}, {1}, {1}, {false}},
                                         Grid{{71}, {8}, {3}, {4}, {false}}, Grid{{60}, {9}, {4}, {2}, {true}},
                                         Grid{{13, 19}, {5, 4}, {1, 1}, {1, 1}, {false, false}},
                                         Grid{{16, 18}, {4, 6}, {4, 6}, {1, 1}, {false, false}},
                                         Grid{{17, 23}, {5, 4}, {2, 3}, {3, 5}, {false, false}},
                                         Grid{{11, 12}, {5, 5}, {2, 1}, {2, 1}, {true, false}},
                                         Grid{{6, 7, 9}, {3, 4, 5}, {1, 2, 2}, {1, 1, 1}, {false, false, false}},
                                         Grid{{7, 6, 8}, {3, 2, 3}, {3, 1, 2}, {2, 3, 1}, {false, false, true}}));

TEST(Neighbourhood, AWindowOfTheWholeGridIsDenseAttention) {
  at::manual_seed(13);
  const auto q = doubles({1, 2, 42, 4}), k = doubles({1, 2, 42, 4}), v = doubles({1, 2, 42, 4});
  NeighbourhoodOptions o;
  o.window = {6, 7};
  expect_close(neighbourhood_attention(q, k, v, {6, 7}, o), attention(q, k, v), 1e-13);
}

TEST(Neighbourhood, EveryHeadMayHaveItsWindow) {
  at::manual_seed(14);
  const auto q = doubles({1, 4, 110, 4}), k = doubles({1, 4, 110, 4}), v = doubles({1, 4, 110, 3});
  NeighbourhoodOptions o;
  o.head_windows = {{5, 5}, {3, 7}, {5, 5}, {1, 1}};
  o.valid = at::rand({110}).gt(0.2);
  for (Backend which : {Backend::kAuto, Backend::kReference}) {
    const BackendScope scope(which);
    const Attended all = neighbourhood_attention(q, k, v, {10, 11}, o);
    for (std::int64_t h = 0; h < 4; ++h) {
      NeighbourhoodOptions one;
      one.window = o.head_windows[static_cast<std::size_t>(h)], one.valid = o.valid;
      const auto head = [&](const at::Tensor& x) { return x.slice(1, h, h + 1); };
      expect_close({head(all.out), head(all.lse)}, neighbourhood_attention(head(q), head(k), head(v), {10, 11}, one),
                   1e-14);
    }
  }
}

TEST(Neighbourhood, GradientsMatchFiniteDifferences) {
  at::manual_seed(15);
  NeighbourhoodOptions o;
  o.window = {2, 3}, o.stride = {1, 2}, o.dilation = {2, 1};
  o.valid = at::ones({20}, at::kBool);
  o.valid[3] = false, o.valid[11] = false;
  const auto cz = doubles({1, 2, 20, 2}), cl = doubles({1, 2, 20});
  for (Backend which : {Backend::kAuto, Backend::kReference}) {
    const BackendScope scope(which);
    const auto q = doubles({1, 2, 20, 2}), k = doubles({1, 2, 20, 2}), v = doubles({1, 2, 20, 2});
    expect_gradients({q, k, v}, [&] {
      const Attended a = neighbourhood_attention(q, k, v, {4, 5}, o);
      return (a.out * cz).sum() + (a.lse.masked_fill(a.lse.eq(-kInfinity), 0) * cl).sum();
    });
  }
}

TEST(Neighbourhood, WindowsThatDoNotFitAreErrors) {
  const auto x = at::randn({1, 1, 12, 4});
  const auto run = [&](NeighbourhoodOptions o, Sizes shape) { return neighbourhood_attention(x, x, x, shape, o); };
  NeighbourhoodOptions o;
  o.window = {5};
  EXPECT_THROW(run(o, {3, 4}), fovea::Error);
  EXPECT_THROW(run(o, {13}), fovea::Error);
  EXPECT_THROW(run(o, {}), fovea::Error);
  o.stride = {6};
  EXPECT_THROW(run(o, {12}), fovea::Error);
  o.stride = {1}, o.dilation = {3};
  EXPECT_THROW(run(o, {12}), fovea::Error);
  const auto none = at::randn({1, 1, 0, 4});
  EXPECT_THROW(neighbourhood_attention(none, none, none, {0}, o), fovea::Error);
}

}  // namespace
