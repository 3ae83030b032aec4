// The attention gate's CUDA kernels under emulation, against the formula.
#include "attention/ops/gate.h"

#include <cmath>
#include <functional>

#include "kernel_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

struct Case {
  const char* name;
  std::int64_t images, g_channels, x_channels, hidden;
  std::vector<std::int64_t> spatial;
  GateCombine combine;
};

struct Inputs {
  explicit Inputs(const Case& c) {
    std::vector<std::int64_t> shape{c.images, c.g_channels};
    shape.insert(shape.end(), c.spatial.begin(), c.spatial.end());
    g = at::randn(shape);
    shape[1] = c.x_channels;
    x = at::randn(shape);
    const std::int64_t psi = c.hidden * (c.combine == GateCombine::kConcat ? 2 : 1);
    w = {at::randn({c.hidden, c.g_channels}),
         at::randn({c.hidden}),
         at::randn({c.hidden, c.x_channels}),
         at::randn({c.hidden}),
         at::randn({psi}),
         at::randn({1})};
  }
  std::vector<at::Tensor> all() const { return {g, x, w.wg, w.bg, w.wx, w.bx, w.wpsi, w.bpsi}; }
  at::Tensor g, x;
  AttentionGateWeights w;
};

/// Leaves of their own with the same values.
Inputs leaves_of(const Inputs& in, at::ScalarType type) {
  Inputs out = in;
  for (at::Tensor* x : {&out.g, &out.x, &out.w.wg, &out.w.bg, &out.w.wx, &out.w.bx, &out.w.wpsi, &out.w.bpsi})
    *x = leaf_of(*x, type);
  return out;
}

using Path = std::function<Gated(const Inputs& in)>;

/// Out, alpha, then the gradients of everything.
std::vector<at::Tensor> run_and_differentiate(const Path& path, const Inputs& in, at::ScalarType type,
                                              const at::Tensor& up, const at::Tensor& up_alpha) {
  const Inputs leaves = leaves_of(in, type);
  const Gated gated = path(leaves);
  ((gated.out * up.to(type)).sum() + (gated.alpha * up_alpha.to(type)).sum()).backward();
  std::vector<at::Tensor> all{gated.out.detach(), gated.alpha.detach()};
  for (const at::Tensor& x : leaves.all()) all.push_back(x.grad());
  return all;
}

class EmulatedGate : public testing::TestWithParam<Case> {
 protected:
  EmulatedGate() { at::manual_seed(19); }
  const EmulatedDevice device_;
};

TEST_P(EmulatedGate, AgreesWithTheFormula) {
  const GateCombine combine = GetParam().combine;
  const Inputs in(GetParam());
  const at::Tensor up = doubles(in.x.sizes()), up_alpha = doubles(in.x.select(1, 0).unsqueeze(1).sizes());
  const std::vector<at::Tensor> wanted = run_and_differentiate(
      [&](const Inputs& x) { return ops::reference_gate(x.g, x.x, x.x, x.w, combine); }, in, at::kDouble, up, up_alpha);
  const Path path = [&](const Inputs& x) { return ops::cuda_gate(x.g, x.x, x.x, x.w, combine); };
  const std::vector<at::Tensor> got =
      same_in_every_order([&] { return run_and_differentiate(path, in, at::kFloat, up, up_alpha); });
  for (std::size_t i = 0; i < got.size(); ++i) {
    SCOPED_TRACE(i);
    expect_near_double(got[i], wanted[i], i < 2 ? 4e-6 : 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, EmulatedGate,
                         testing::Values(Case{"concat", 2, 5, 7, 3, {9, 31}, GateCombine::kConcat},
                                         Case{"add", 1, 40, 3, 20, {5, 6, 7}, GateCombine::kAdd},
                                         Case{"wide_concat", 1, 3, 35, 70, {4, 25}, GateCombine::kConcat},
                                         Case{"several_splits", 1, 2, 2, 4, {65, 70}, GateCombine::kAdd},
                                         Case{"one_voxel", 1, 1, 1, 1, {1}, GateCombine::kConcat}),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

class EmulatedGateEdges : public testing::Test {
 protected:
  EmulatedGateEdges() { at::manual_seed(23); }
  const EmulatedDevice device_;
};

TEST_F(EmulatedGateEdges, AStridedThetaIsResampled) {
  Inputs in({"", 1, 3, 4, 5, {8, 9, 10}, GateCombine::kAdd});
  in.g = at::randn({1, 3, 4, 5, 5});
  const auto coarse = [](const at::Tensor& x) { return x.slice(2, 0, 8, 2).slice(3, 0, 9, 2).slice(4, 0, 10, 2); };
  const Inputs reference = leaves_of(in, at::kDouble);
  const Gated wanted =
      ops::reference_gate(reference.g, reference.x, coarse(reference.x), reference.w, GateCombine::kAdd);
  const Gated got = ops::cuda_gate(in.g, in.x, coarse(in.x), in.w, GateCombine::kAdd);
  expect_near_double(got.out, wanted.out);
  expect_near_double(got.alpha, wanted.alpha);
}

TEST_F(EmulatedGateEdges, NanStaysNanInItsVoxel) {
  for (const GateCombine combine : {GateCombine::kConcat, GateCombine::kAdd}) {
    const Inputs in({"", 1, 3, 4, 5, {6, 6}, combine});
    in.g[0][1][2][3] = NAN;
    const Gated got = ops::cuda_gate(in.g, in.x, in.x, in.w, combine);
    EXPECT_TRUE(got.alpha[0][0][2][3].isnan().item<bool>());
    EXPECT_EQ(got.alpha.isnan().sum().item<std::int64_t>(), 1);
  }
}

TEST_F(EmulatedGateEdges, StridedInputsGiveTheSame) {
  const Inputs in({"", 2, 3, 4, 5, {6, 7}, GateCombine::kConcat});
  const auto strided = [](const at::Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); };
  EXPECT_TRUE(at::equal(ops::cuda_gate(in.g, in.x, in.x, in.w, GateCombine::kConcat).out,
                        ops::cuda_gate(strided(in.g), strided(in.x), strided(in.x), in.w, GateCombine::kConcat).out));
}

}  // namespace
