// Masked modality attention's CUDA kernels under emulation, against the definition.
#include "attention/ops/modality.h"

#include <cmath>

#include "kernel_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

struct Case {
  const char* name;
  std::int64_t images, modalities, channels, guide_channels, hidden, voxels;
};

struct Inputs {
  explicit Inputs(const Case& c)
      : features(at::randn({c.images, c.modalities, c.channels, c.voxels})),
        guide(at::randn({c.images, c.guide_channels, c.voxels})),
        present(at::rand({c.images, c.modalities}) < 0.7),
        w{at::randn({c.modalities, c.hidden, c.channels}), at::randn({c.hidden, c.guide_channels}),
          at::randn({c.hidden}), at::randn({c.hidden}), at::randn({1})} {
    present[0].fill_(true);
    if (c.images > 2) present[2].fill_(false);
  }
  std::vector<at::Tensor> all() const { return {features, guide, w.wf, w.wg, w.bg, w.wp, w.bp}; }
  at::Tensor features, guide, present;
  ModalityWeights w;
};

Inputs doubled(const Inputs& in) {
  Inputs out = in;
  for (at::Tensor* x : {&out.features, &out.guide, &out.w.wf, &out.w.wg, &out.w.bg, &out.w.wp, &out.w.bp})
    *x = x->to(at::kDouble).requires_grad_(true);
  return out;
}

class EmulatedModalities : public testing::TestWithParam<Case> {
 protected:
  EmulatedModalities() { at::manual_seed(29); }
  const EmulatedDevice device_;
};

TEST_P(EmulatedModalities, AgreesWithTheDefinition) {
  const Inputs in(GetParam()), d = doubled(in);
  const at::Tensor scores = ops::reference_modality_scores(d.features, d.guide, d.present, d.w);
  const FusedModalities wanted = ops::reference_modalities(d.features, scores, d.present);
  const at::Tensor up = doubles(wanted.y.sizes()), up_weights = doubles(wanted.weights.sizes());
  ((wanted.y * up).sum() + (wanted.weights * up_weights).sum()).backward();
  const std::vector<at::Tensor> got = same_in_every_order([&]() -> std::vector<at::Tensor> {
    const FusedModalities fused = ops::cuda_modalities(in.features, in.guide, in.present, in.w);
    const ops::ModalityGradients g = ops::cuda_modalities_backward(
        in.features, in.guide, in.present, in.w, fused, {floats_like_doubles(up), floats_like_doubles(up_weights)});
    const ModalityWeights& w = g.weights;
    return {fused.y, fused.weights, g.features, g.guide, w.wf, w.wg, w.bg, w.wp, w.bp};
  });
  expect_near_double(got[0], wanted.y);
  expect_near_double(got[1], wanted.weights);
  const std::vector<at::Tensor> leaves = d.all();
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    SCOPED_TRACE(i);
    expect_near_double(got[2 + i], leaves[i].grad(), 1e-5);
  }
}

TEST_P(EmulatedModalities, GivenScoresAgreeWithTheDefinition) {
  const Inputs in(GetParam());
  const at::Tensor scores = at::randn({in.features.size(0), in.features.size(1), in.features.size(3)});
  const at::Tensor f = in.features.to(at::kDouble).requires_grad_(true),
                   s = scores.to(at::kDouble).requires_grad_(true);
  const FusedModalities wanted = ops::reference_modalities(f, s, in.present);
  const at::Tensor up = doubles(wanted.y.sizes());
  (wanted.y * up).sum().backward();
  const FusedModalities fused = ops::cuda_modalities(in.features, scores, in.present);
  const ops::FusedGradients got =
      ops::cuda_modalities_backward(in.features, in.present, fused, {floats_like_doubles(up), {}});
  expect_near_double(fused.y, wanted.y);
  expect_near_double(got.features, f.grad());
  expect_near_double(got.scores, s.grad());
}

INSTANTIATE_TEST_SUITE_P(Shapes, EmulatedModalities,
                         testing::Values(Case{"four", 3, 4, 5, 3, 6, 300}, Case{"eight", 2, 8, 3, 2, 20, 70},
                                         Case{"one", 1, 1, 40, 33, 3, 5}, Case{"one_voxel", 1, 2, 2, 1, 70, 1}),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

class EmulatedModalityEdges : public testing::Test {
 protected:
  EmulatedModalityEdges() { at::manual_seed(31); }
  const EmulatedDevice device_;
};

TEST_F(EmulatedModalityEdges, AbsentFeaturesAreNeverRead) {
  const Inputs in({"", 1, 3, 4, 2, 5, 40});
  in.present[0][1].fill_(false);
  const FusedModalities clean = ops::cuda_modalities(in.features, in.guide, in.present, in.w);
  const FusedModalities up{at::randn(clean.y.sizes()), {}};
  const auto gradients = [&] {
    return ops::cuda_modalities_backward(in.features, in.guide, in.present, in.w, clean, up);
  };
  const ops::ModalityGradients before = gradients();
  in.features[0][1].fill_(NAN);
  EXPECT_TRUE(at::equal(clean.y, ops::cuda_modalities(in.features, in.guide, in.present, in.w).y));
  EXPECT_TRUE(at::equal(before.weights.wf, gradients().weights.wf));
  EXPECT_TRUE(at::equal(before.features, gradients().features));
  EXPECT_EQ(before.features[0][1].abs().max().item<float>(), 0);
}

TEST_F(EmulatedModalityEdges, InfiniteAndNanScores) {
  const Inputs in({"", 1, 3, 2, 2, 5, 4});
  const at::Tensor scores = at::randn({1, 3, 4});
  scores[0][0][0] = -kInfinity;
  scores.select(2, 1).fill_(-kInfinity);
  scores[0][2][2] = NAN;
  const FusedModalities got = ops::cuda_modalities(in.features, scores, in.present);
  EXPECT_EQ(got.weights[0][0][0].item<float>(), 0);
  EXPECT_EQ(got.y.select(2, 1).abs().max().item<float>(), 0);
  EXPECT_TRUE(got.weights.select(2, 2).isnan().all().item<bool>());
  EXPECT_FALSE(got.weights.select(2, 3).isnan().any().item<bool>());
}

TEST_F(EmulatedModalityEdges, MoreThanEightTakeTheReference) {
  const Inputs in({"", 1, 9, 2, 2, 3, 4});
  const std::int64_t before = cuda_emulation::launches();
  const Inputs d = doubled(in);
  expect_near_double(ops::cuda_modalities(in.features, in.guide, in.present, in.w).y,
                     ops::reference_modalities(
                         d.features, ops::reference_modality_scores(d.features, d.guide, d.present, d.w), d.present)
                         .y);
  EXPECT_EQ(cuda_emulation::launches(), before);
}

}  // namespace
