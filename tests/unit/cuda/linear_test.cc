// CUDA kernels of linear attention, MALA and decayed linear attention under emulation, against the definitions.
#include "attention/ops/linear.h"

#include <cmath>

#include "kernel_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

struct Case {
  const char* name;
  std::int64_t batches, heads, queries, keys, width, value_width;
  bool rotated;
  double dropped;
};

ops::AttendTensors inputs_of(const Case& c) {
  return {at::randn({c.batches, c.heads, c.queries, c.width}), at::randn({c.batches, c.heads, c.keys, c.width}),
          at::randn({c.batches, c.heads, c.keys, c.value_width})};
}

/// The same mask and angles beside any q, k, v.
struct Setting {
  explicit Setting(const Case& c) {
    if (c.dropped > 0) keep = at::rand({c.batches, 1, c.keys}) >= c.dropped;
    if (!c.rotated) return;
    const at::Tensor index = at::arange(c.queries);
    rotation = grid_rotation(index.div(3, "floor"), index.remainder(3), c.width, at::empty({0}, at::kDouble));
  }
  ops::LinearInputs of(const ops::AttendTensors& in) const {
    const auto type = in.q.scalar_type();
    const Rotation angles = rotation.sin.defined() ? Rotation{rotation.sin.to(type), rotation.cos.to(type)} : rotation;
    return {in.q, in.k, in.v, keep, angles, kLinearEps};
  }
  at::Tensor keep;
  Rotation rotation;
};

class EmulatedLinear : public testing::TestWithParam<Case> {
 protected:
  EmulatedLinear() { at::manual_seed(11); }
  const EmulatedDevice device_;
};

TEST_P(EmulatedLinear, AgreesWithTheDefinition) {
  Case unrotated = GetParam();
  unrotated.rotated = false;
  const Setting setting(unrotated);
  expect_attention(
      inputs_of(GetParam()),
      [&](const ops::AttendTensors& in) {
        return Attended{ops::reference_linear(setting.of(in)), {}};
      },
      [&](const ops::AttendTensors& in) {
        return Attended{ops::cuda_linear(setting.of(in)), {}};
      },
      false);
}

TEST_P(EmulatedLinear, MalaAgreesWithTheDefinition) {
  const Setting setting(GetParam());
  expect_attention(
      inputs_of(GetParam()),
      [&](const ops::AttendTensors& in) {
        const Mala mala = ops::reference_mala(setting.of(in));
        return Attended{mala.out, mala.z};
      },
      [&](const ops::AttendTensors& in) {
        const Mala mala = ops::cuda_mala(setting.of(in));
        return Attended{mala.out, mala.z};
      },
      GetParam().queries != 1);
}

INSTANTIATE_TEST_SUITE_P(Shapes, EmulatedLinear,
                         testing::Values(Case{"square", 2, 2, 50, 50, 8, 5, false, 0},
                                         Case{"rotated", 1, 2, 67, 67, 12, 9, true, 0.3},
                                         Case{"several_splits", 1, 1, 3, 1500, 4, 3, false, 0.2},
                                         Case{"wide", 1, 1, 66, 40, 70, 67, false, 0},
                                         Case{"one_token", 1, 1, 1, 1, 4, 2, true, 0},
                                         Case{"nothing_kept", 1, 2, 5, 5, 4, 4, false, 1.0}),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

class EmulatedDecay : public testing::TestWithParam<Case> {
 protected:
  EmulatedDecay() { at::manual_seed(13); }
  const EmulatedDevice device_;
};

TEST_P(EmulatedDecay, AgreesWithTheDefinition) {
  const at::Tensor slopes = at::rand({GetParam().heads}, at::kDouble);
  if (GetParam().heads > 1) slopes[0].fill_(0);
  for (const Decay decay : {Decay::kCausal, Decay::kBidirectional})
    expect_attention(
        inputs_of(GetParam()),
        [&](const ops::AttendTensors& in) {
          return Attended{ops::reference_decayed(in.q, in.k, in.v, slopes.to(in.q.scalar_type()), decay), {}};
        },
        [&](const ops::AttendTensors& in) {
          return Attended{ops::cuda_decayed(in.q, in.k, in.v, slopes, decay, 16), {}};
        },
        false);
}

INSTANTIATE_TEST_SUITE_P(Shapes, EmulatedDecay,
                         testing::Values(Case{"short", 1, 2, 19, 19, 5, 6, false, 0},
                                         Case{"three_tiles", 2, 2, 150, 150, 7, 66, false, 0},
                                         Case{"one_token", 1, 1, 1, 1, 2, 1, false, 0}),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

class EmulatedLinearEdges : public testing::Test {
 protected:
  EmulatedLinearEdges() { at::manual_seed(17); }
  const EmulatedDevice device_;
};

TEST_F(EmulatedLinearEdges, DroppedKeysAreNeverRead) {
  const ops::AttendTensors in = inputs_of({"", 1, 2, 10, 40, 4, 4, false, 0});
  ops::LinearInputs inputs{in.q, in.k, in.v, at::ones({1, 1, 40}, at::kBool), {}, kLinearEps};
  inputs.keep.slice(2, 5, 9).fill_(false);
  const at::Tensor up = at::randn({1, 2, 10, 4});
  const at::Tensor clean = ops::cuda_linear(inputs);
  const at::Tensor clean_mala = ops::cuda_mala(inputs).out;
  in.k.slice(2, 5, 9).fill_(NAN), in.v.slice(2, 5, 9).fill_(NAN);
  EXPECT_TRUE(at::equal(clean, ops::cuda_linear(inputs)));
  EXPECT_TRUE(at::equal(clean_mala, ops::cuda_mala(inputs).out));
  const ops::AttendTensors gradients = ops::cuda_linear_backward(inputs, clean, up);
  EXPECT_EQ(gradients.k.slice(2, 5, 9).abs().max().item<float>(), 0);
  EXPECT_EQ(gradients.v.slice(2, 5, 9).abs().max().item<float>(), 0);
}

TEST_F(EmulatedLinearEdges, NanStaysNan) {
  const ops::AttendTensors in = inputs_of({"", 1, 1, 10, 40, 4, 4, false, 0});
  in.q[0][0][3][1] = NAN;
  const at::Tensor bad = ops::cuda_linear({in.q, in.k, in.v, {}, {}, kLinearEps}).isnan();
  EXPECT_EQ(bad.sum().item<std::int64_t>(), 4);
  in.k[0][0][3][1] = NAN;
  EXPECT_TRUE(ops::cuda_mala({in.q, in.k, in.v, {}, {}, kLinearEps}).out.isnan().all().item<bool>());
}

}  // namespace
