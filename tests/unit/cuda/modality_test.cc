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

/// Leaves of their own with the same values.
Inputs leaves_of(const Inputs& in, at::ScalarType type) {
  Inputs out = in;
  for (at::Tensor* x : {&out.features, &out.guide, &out.w.wf, &out.w.wg, &out.w.bg, &out.w.wp, &out.w.bp})
    *x = leaf_of(*x, type);
  return out;
}

FusedModalities defined(const Inputs& in) {
  const at::Tensor scores = ops::reference_modality_scores(in.features, in.guide, in.present, in.w);
  return ops::reference_modalities(in.features, scores, in.present);
}

FusedModalities on_device(const Inputs& in) {
  return ops::cuda_modalities(in.features, in.guide, in.present, in.w);
}

/// y, weights, then the gradients of everything.
template <class Path>
std::vector<at::Tensor> run_and_differentiate(Path path, const Inputs& in, at::ScalarType type, const at::Tensor& up,
                                              const at::Tensor& up_weights) {
  const Inputs leaves = leaves_of(in, type);
  const FusedModalities fused = path(leaves);
  ((fused.y * up.to(type)).sum() + (fused.weights * up_weights.to(type)).sum()).backward();
  std::vector<at::Tensor> all{fused.y.detach(), fused.weights.detach()};
  for (const at::Tensor& x : leaves.all()) all.push_back(x.grad());
  return all;
}

class EmulatedModalities : public testing::TestWithParam<Case> {
 protected:
  EmulatedModalities() { at::manual_seed(29); }
  const EmulatedDevice device_;
};

TEST_P(EmulatedModalities, AgreesWithTheDefinition) {
  const Inputs in(GetParam());
  const at::Tensor up = doubles(in.features.select(1, 0).sizes()),
                   up_weights = doubles(in.features.select(2, 0).sizes());
  const std::vector<at::Tensor> wanted = run_and_differentiate(defined, in, at::kDouble, up, up_weights);
  const std::vector<at::Tensor> got =
      same_in_every_order([&] { return run_and_differentiate(on_device, in, at::kFloat, up, up_weights); });
  for (std::size_t i = 0; i < got.size(); ++i) {
    SCOPED_TRACE(i);
    expect_near_double(got[i], wanted[i], i < 2 ? 4e-6 : 1e-5);
  }
}

TEST_P(EmulatedModalities, GivenScoresAgreeWithTheDefinition) {
  const Inputs in(GetParam());
  const at::Tensor scores = at::randn(in.features.select(2, 0).sizes()), up = doubles(in.features.select(1, 0).sizes());
  const auto run = [&](auto path, at::ScalarType type) -> std::vector<at::Tensor> {
    const at::Tensor f = leaf_of(in.features, type), s = leaf_of(scores, type);
    const FusedModalities fused = path(f, s, in.present);
    (fused.y * up.to(type)).sum().backward();
    return {fused.y.detach(), f.grad(), s.grad()};
  };
  const auto kernel = [](const at::Tensor& f, const at::Tensor& s, const at::Tensor& present) {
    return ops::cuda_modalities(f, s, present);
  };
  const std::vector<at::Tensor> wanted = run(ops::reference_modalities, at::kDouble), got = run(kernel, at::kFloat);
  for (std::size_t i = 0; i < got.size(); ++i) expect_near_double(got[i], wanted[i]);
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
  const at::Tensor up = at::randn({1, 4, 40}), up_weights = at::randn({1, 3, 40});
  const std::vector<at::Tensor> clean = run_and_differentiate(on_device, in, at::kFloat, up, up_weights);
  in.features[0][1].fill_(NAN);
  const std::vector<at::Tensor> dirty = run_and_differentiate(on_device, in, at::kFloat, up, up_weights);
  for (std::size_t i = 0; i < clean.size(); ++i) EXPECT_TRUE(at::equal(clean[i], dirty[i])) << "result " << i;
  EXPECT_EQ(clean[2][0][1].abs().max().item<float>(), 0);
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
  expect_near_double(on_device(in).y, defined(leaves_of(in, at::kDouble)).y);
  EXPECT_EQ(cuda_emulation::launches(), before);
}

}  // namespace
