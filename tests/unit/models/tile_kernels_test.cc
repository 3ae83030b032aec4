// The tile kernels of every instruction set against the same loops in double, and the paths on them against threads.
#include <cmath>
#include <limits>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <fovea/models/volume_attention.h>

#include "attention/kernels/vector/tile_table.h"
#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;
using kernels::kGateVoxels;

/// Two tiles of keys for 5 rows through one table.
template <class T>
struct Steps {
  Steps(const kernels::TileKernels<T>& table, const at::Tensor& first, const at::Tensor& second,
        const std::vector<std::int32_t>& allowed) {
    for (at::Tensor e : {first.clone(), second.clone()}) {
      at::Tensor factor = at::empty({5}, e.options());
      table.softmax_step(e.mutable_data_ptr<T>(), e.size(1) == first.size(1) ? allowed.data() : nullptr, 5, e.size(1),
                         m.mutable_data_ptr<T>(), l.mutable_data_ptr<T>(), factor.mutable_data_ptr<T>());
      weights.push_back(e), factors.push_back(factor);
    }
  }
  at::Tensor m = at::full({5}, -kInfinity, c10::CppTypeToScalarType<T>::value);
  at::Tensor l = at::zeros({5}, c10::CppTypeToScalarType<T>::value);
  std::vector<at::Tensor> weights, factors;
};

void expect_near_or_both_nan(const at::Tensor& a, const at::Tensor& b, double tolerance) {
  const at::Tensor da = a.to(at::kDouble), db = b.to(at::kDouble);
  EXPECT_TRUE(at::equal(da.isnan(), db.isnan()));
  expect_close(da.nan_to_num(0.0, kInfinity, -kInfinity), db.nan_to_num(0.0, kInfinity, -kInfinity), tolerance);
}

TEST(TileKernels, EverySetsRunningSoftmaxIsTheDoubleOne) {
  at::manual_seed(71);
  for (const std::int64_t keys : {1, 7, 16, 33, 260}) {
    at::Tensor first = at::randn({5, keys}) * 20, second = at::randn({5, keys + 3});
    std::vector<std::int32_t> allowed(static_cast<std::size_t>(5 * keys), 1);
    for (std::int64_t i = 0; i < keys; ++i) allowed[static_cast<std::size_t>(keys + i)] = i % 3 == 0;
    first[1][keys - 1] = std::nanf("");  // dropped unless its place is a third
    if ((keys - 1) % 3 == 0) first[1][keys - 1] = 0;
    first[2].fill_(-kInfinity), second[2].fill_(-kInfinity);
    second[3][keys] = 1e4F;
    second[4][0] = std::nanf("");
    const Steps<double> expected(kernels::tile_kernels<double>(), first.to(at::kDouble), second.to(at::kDouble),
                                 allowed);
    EXPECT_EQ(expected.l[2].item<double>(), 0);
    EXPECT_TRUE(std::isnan(expected.l[4].item<double>()));
    EXPECT_FALSE(std::isnan(expected.l[1].item<double>()));
    for (const auto* table : kernels::runnable_tile_kernels()) {
      SCOPED_TRACE(table->name);
      const Steps<float> steps(*table, first, second, allowed);
      expect_near_or_both_nan(steps.m, expected.m, 0);
      expect_near_or_both_nan(steps.l, expected.l, 2e-6 * static_cast<double>(keys));
      for (std::size_t tile = 0; tile < 2; ++tile) {
        // The shifts are float32 of scores up to 80: 4e-6 each before the exponential.
        expect_near_or_both_nan(steps.weights[tile], expected.weights[tile], 8e-6);
        expect_near_or_both_nan(steps.factors[tile], expected.factors[tile], 8e-6);
      }
    }
  }
}

template <class T>
at::Tensor alpha_by(const kernels::TileKernels<T>& table, const at::Tensor& g, const at::Tensor& x,
                    const AttentionGateWeights& w, bool concat) {
  const auto type = c10::CppTypeToScalarType<T>::value;
  const auto dense = [&](const at::Tensor& t) { return t.to(type).contiguous(); };
  const at::Tensor gd = dense(g), xd = dense(x), wg = dense(w.wg.t()), bg = dense(w.bg), wx = dense(w.wx.t()),
                   bx = dense(w.bx), psi = dense(w.wpsi), alpha = at::empty({kGateVoxels}, type);
  table.gate_alpha({gd.const_data_ptr<T>(), xd.const_data_ptr<T>(), g.size(0), x.size(0), w.wg.size(0),
                    wg.const_data_ptr<T>(), bg.const_data_ptr<T>(), wx.const_data_ptr<T>(), bx.const_data_ptr<T>(),
                    psi.const_data_ptr<T>(), static_cast<T>(w.bpsi.item<double>()), concat},
                   alpha.mutable_data_ptr<T>());
  return alpha;
}

TEST(TileKernels, EverySetsGateIsTheDoubleOne) {
  at::manual_seed(72);
  for (const std::int64_t hidden : {1, 5, 8, 19})
    for (const bool concat : {true, false}) {
      const AttentionGateWeights w{at::randn({hidden, 3}),
                                   at::randn({hidden}),
                                   at::randn({hidden, 6}),
                                   at::randn({hidden}),
                                   at::randn({concat ? 2 * hidden : hidden}),
                                   at::randn({1})};
      at::Tensor g = at::randn({3, kGateVoxels}), x = at::randn({6, kGateVoxels});
      g[1][17] = std::nanf("");
      const at::Tensor expected = alpha_by(kernels::tile_kernels<double>(), g, x, w, concat);
      EXPECT_TRUE(std::isnan(expected[17].item<double>()));
      for (const auto* table : kernels::runnable_tile_kernels()) {
        SCOPED_TRACE(table->name);
        expect_near_or_both_nan(alpha_by(*table, g, x, w, concat), expected, 5e-6);
      }
    }
}

/// `result` on 1, 2 and 3 threads.
void expect_same_bits_on_all_threads(const std::function<at::Tensor()>& result) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor expected = result();
  for (const int count : {2, 3}) {
    at::set_num_threads(count);
    EXPECT_TRUE(at::equal(result(), expected)) << count << " threads";
  }
  at::set_num_threads(threads);
}

TEST(Tiles, BitsDoNotDependOnThreads) {
  at::manual_seed(73);
  const AttentionGateWeights w{at::randn({9, 6}), at::randn({9}),  at::randn({9, 5}),
                               at::randn({9}),    at::randn({18}), at::randn({1})};
  const at::Tensor g = at::randn({1, 6, 31, 41}), x = at::randn({1, 5, 31, 41});
  expect_same_bits_on_all_threads([&] { return attention_gate(g, x, w, GateCombine::kConcat).out; });
  const at::Tensor q = at::randn({1, 700, 8}), k = at::randn({1, 2500, 8}), v = at::randn({1, 2500, 24});
  expect_same_bits_on_all_threads([&] { return position_attention(q, k, v); });
  const at::Tensor tokens = at::randn({3, 1, 2, 33 * 29, 20});
  NeighbourhoodOptions options;
  options.window = {7, 6};
  expect_same_bits_on_all_threads([&] {
    const Attended a = neighbourhood_attention(tokens[0], tokens[1], tokens[2], {33, 29}, options);
    return at::cat({a.out, a.lse.unsqueeze(3)}, 3);
  });
}

TEST(Tiles, TokensWhoseChannelsAreNotSideBySideAreAttendedAlike) {
  at::manual_seed(74);
  const at::Tensor tokens = at::randn({3, 1, 2, 12 * 13, 5}),
                   apart = tokens.transpose(3, 4).contiguous().transpose(3, 4);
  NeighbourhoodOptions options;
  options.window = {5};
  const Attended dense = neighbourhood_attention(tokens[0], tokens[1], tokens[2], {12, 13}, options);
  expect_close(neighbourhood_attention(apart[0], apart[1], apart[2], {12, 13}, options), dense, 0);
}

}  // namespace
