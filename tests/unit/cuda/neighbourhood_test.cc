// Neighbourhood attention's CUDA kernels under emulation, against dense attention under the window mask.
#include "attention/ops/neighbourhood.h"

#include <cmath>
#include <limits>

#include "kernel_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

struct Case {
  const char* name;
  std::vector<ops::Axis> axes;
  std::int64_t batches, heads, width, value_width;
  double holes;  // share of tokens
};

std::int64_t tokens_of(const Case& c) {
  std::int64_t tokens = 1;
  for (const ops::Axis& axis : c.axes) tokens *= axis.length;
  return tokens;
}

ops::Neighbourhood grid_of(const Case& c) {
  ops::Neighbourhood grid{c.axes, {}, 0.7};
  if (c.holes > 0) grid.valid = at::rand({tokens_of(c)}) > c.holes;
  return grid;
}

ops::AttendTensors inputs_of(const Case& c) {
  const std::int64_t n = tokens_of(c);
  return {at::randn({c.batches, c.heads, n, c.width}), at::randn({c.batches, c.heads, n, c.width}),
          at::randn({c.batches, c.heads, n, c.value_width})};
}

class EmulatedNeighbourhood : public testing::TestWithParam<Case> {
 protected:
  const EmulatedDevice device_;
};

TEST_P(EmulatedNeighbourhood, AgreesWithTheReference) {
  at::manual_seed(3);
  const ops::Neighbourhood grid = grid_of(GetParam());
  expect_attention(
      inputs_of(GetParam()),
      [&](const ops::AttendTensors& in) { return ops::reference_neighbourhood(in.q, in.k, in.v, grid); },
      [&](const ops::AttendTensors& in) { return ops::cuda_neighbourhood(in.q, in.k, in.v, grid); },
      GetParam().holes > 0);
}

INSTANTIATE_TEST_SUITE_P(
    Grids, EmulatedNeighbourhood,
    testing::Values(Case{"line", {{70, 7, 1, 1, false}}, 2, 2, 5, 3, 0},
                    Case{"strided_line", {{67, 9, 4, 2, false}}, 1, 2, 33, 8, 0},
                    Case{"causal_line", {{41, 6, 3, 2, true}}, 1, 1, 4, 66, 0.3},
                    Case{"one_token", {{1, 1, 1, 1, false}}, 1, 1, 2, 2, 0},
                    Case{"plane", {{9, 5, 1, 1, false}, {11, 4, 2, 2, false}}, 1, 2, 6, 5, 0.4},
                    Case{"causal_plane", {{10, 3, 2, 3, true}, {7, 7, 7, 1, false}}, 1, 1, 3, 4, 0},
                    Case{"volume", {{5, 3, 1, 1, false}, {6, 2, 2, 3, false}, {7, 5, 1, 1, true}}, 1, 1, 4, 4, 0.2},
                    Case{"empty", {{5, 3, 1, 1, false}, {4, 3, 1, 1, false}}, 1, 1, 4, 4, 1.0}),
    [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

class EmulatedNeighbourhoodEdges : public testing::Test {
 protected:
  EmulatedNeighbourhoodEdges() { at::manual_seed(5); }
  const EmulatedDevice device_;
  const ops::Neighbourhood line_{{{40, 5, 1, 1, false}}, {}, 1};
};

TEST_F(EmulatedNeighbourhoodEdges, HolesAreNeverRead) {
  ops::Neighbourhood grid = line_;
  grid.valid = at::ones({40}, at::kBool);
  grid.valid.slice(0, 10, 20).fill_(false);
  const Case c{"", line_.axes, 1, 1, 4, 4, 0};
  const ops::AttendTensors clean = inputs_of(c);
  ops::AttendTensors dirty = clean;
  for (at::Tensor* x : {&dirty.q, &dirty.k, &dirty.v}) *x = x->clone(), x->slice(2, 10, 20).fill_(NAN);
  const Attended a = ops::cuda_neighbourhood(clean.q, clean.k, clean.v, grid);
  const Attended b = ops::cuda_neighbourhood(dirty.q, dirty.k, dirty.v, grid);
  EXPECT_TRUE(at::equal(a.out, b.out));
  EXPECT_TRUE(at::equal(a.lse, b.lse));
  EXPECT_EQ(b.out.slice(2, 10, 20).abs().max().item<float>(), 0);
  EXPECT_TRUE(b.lse.slice(2, 10, 20).isinf().all().item<bool>());
}

TEST_F(EmulatedNeighbourhoodEdges, NanStaysNanWhereItIsSeen) {
  const ops::AttendTensors in = inputs_of({"", line_.axes, 1, 1, 4, 4, 0});
  in.k[0][0][20].fill_(NAN);
  const Attended got = ops::cuda_neighbourhood(in.q, in.k, in.v, line_);
  const at::Tensor bad = got.lse[0][0].isnan();
  EXPECT_EQ(bad.sum().item<std::int64_t>(), 5);
  EXPECT_TRUE(bad.slice(0, 18, 23).all().item<bool>());
}

TEST_F(EmulatedNeighbourhoodEdges, MinusInfinityWeighsNothingAndPlusInfinityIsNan) {
  const ops::AttendTensors in = inputs_of({"", line_.axes, 1, 1, 1, 2, 0});
  in.q.fill_(1);
  in.k[0][0][20][0] = -kInfinity;
  const Attended got = ops::cuda_neighbourhood(in.q, in.k, in.v, line_);
  const Attended wanted =
      ops::reference_neighbourhood(in.q.to(at::kDouble), in.k.to(at::kDouble), in.v.to(at::kDouble), line_);
  expect_near_double(got.out, wanted.out);
  in.k[0][0][20][0] = kInfinity;
  EXPECT_TRUE(ops::cuda_neighbourhood(in.q, in.k, in.v, line_).out[0][0][20].isnan().all().item<bool>());
}

TEST_F(EmulatedNeighbourhoodEdges, LargeScoresDoNotOverflow) {
  const ops::AttendTensors in = inputs_of({"", line_.axes, 1, 1, 1, 2, 0});
  in.q.fill_(100), in.k.mul_(100);
  const Attended got = ops::cuda_neighbourhood(in.q, in.k, in.v, line_);
  const Attended wanted =
      ops::reference_neighbourhood(in.q.to(at::kDouble), in.k.to(at::kDouble), in.v.to(at::kDouble), line_);
  expect_near_double(got.out, wanted.out, 2e-3);
  expect_near_double(got.lse, wanted.lse);
}

TEST_F(EmulatedNeighbourhoodEdges, StridedInputsGiveTheSame) {
  const ops::AttendTensors in = inputs_of({"", line_.axes, 2, 3, 4, 4, 0});
  const auto strided = [](const at::Tensor& x) { return x.transpose(1, 2).contiguous().transpose(1, 2); };
  EXPECT_TRUE(at::equal(ops::cuda_neighbourhood(in.q, in.k, in.v, line_).out,
                        ops::cuda_neighbourhood(strided(in.q), strided(in.k), strided(in.v), line_).out));
}

TEST(Windows, QueriesOfAreThoseWhoseWindowsMeetTheKeys) {
  using namespace fovea::attention::kernels;
  for (const Axis& axis : {Axis{23, 5, 1, 1, false}, Axis{23, 6, 4, 2, false}, Axis{23, 7, 3, 2, true},
                           Axis{5, 5, 5, 1, false}, Axis{9, 1, 1, 1, true}})
    for (std::int64_t group = 0; group < axis.dilation; ++group)
      for (std::int64_t first = 0; first < group_length(axis, group); ++first) {
        const std::int64_t last = smaller(first + 3, group_length(axis, group));
        const Window found = queries_of(axis, group, first, last);
        for (std::int64_t i = 0; i < group_length(axis, group); ++i) {
          const Window window = window_of(axis, group, i);
          EXPECT_EQ(window.begin < last && window.end > first, i >= found.begin && i < found.end);
        }
      }
}

}  // namespace
