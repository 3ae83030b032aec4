// Masked modality attention: a loop over voxels, what absent modalities must not do, gradients.
#include <cmath>
#include <limits>

#include <fovea/base/error.h>
#include <fovea/models/volume_attention.h>

#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

ModalityWeights modality_weights(std::int64_t m, std::int64_t a, std::int64_t c, std::int64_t cg) {
  return {doubles({m, a, c}), doubles({a, cg}), doubles({a}), doubles({a}), doubles({1})};
}

at::Tensor mask_of(const std::vector<std::vector<int>>& rows) {
  const at::Tensor mask =
      at::zeros({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows[0].size())}, at::kBool);
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < rows[i].size(); ++j)
      mask[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(j)] = rows[i][j] != 0;
  return mask;
}

/// One voxel of one image after the other.
FusedModalities naive(const at::Tensor& features, const at::Tensor& guide, const at::Tensor& present,
                      const ModalityWeights& w) {
  const at::Tensor f = features.flatten(3), g = guide.flatten(2);
  const at::Tensor y = at::zeros({f.size(0), f.size(2), f.size(3)}, f.options()),
                   a = at::zeros({f.size(0), f.size(1), f.size(3)}, f.options());
  for (std::int64_t b = 0; b < f.size(0); ++b)
    for (std::int64_t v = 0; v < f.size(3); ++v) {
      double sum = 0;
      for (std::int64_t m = 0; m < f.size(1); ++m) {
        if (!present[b][m].item<bool>()) continue;
        const at::Tensor hidden = (w.wf[m].mv(f[b][m].select(1, v)) + w.wg.mv(g[b].select(1, v)) + w.bg).relu();
        a[b][m][v] = (hidden.dot(w.wp) + w.bp).exp().item<double>();
        sum += a[b][m][v].item<double>();
      }
      if (sum > 0) a[b].select(1, v).div_(sum);
      for (std::int64_t m = 0; m < f.size(1); ++m)
        if (present[b][m].item<bool>()) y[b].select(1, v).add_(f[b][m].select(1, v) * a[b][m][v]);
    }
  Sizes ys = features.sizes().vec(), as = ys;
  ys.erase(ys.begin() + 1), as.erase(as.begin() + 2);
  return {y.view(ys), a.view(as)};
}

const at::Tensor& some_mask() {
  static const at::Tensor mask = mask_of({{1, 1, 1, 1}, {1, 0, 1, 0}, {0, 0, 0, 1}, {0, 0, 0, 0}});
  return mask;
}

TEST(Modality, BothPathsEqualTheDefinitionAndNeverReadWhatIsAbsent) {
  at::manual_seed(61);
  for (const Sizes& grid : {Sizes{5}, Sizes{6, 7}, Sizes{3, 4, 2}}) {
    Sizes fs{4, 4, 6}, gs{4, 5};
    fs.insert(fs.end(), grid.begin(), grid.end()), gs.insert(gs.end(), grid.begin(), grid.end());
    const at::Tensor clean = doubles(fs), guide = doubles(gs), features = clean.clone();
    const ModalityWeights w = modality_weights(4, 3, 6, 5);
    for (std::int64_t b = 0; b < 4; ++b)
      for (std::int64_t m = 0; m < 4; ++m)
        if (!some_mask()[b][m].item<bool>()) features[b][m].fill_(m % 2 ? std::nan("") : kInfinity);
    const FusedModalities expected = naive(clean, guide, some_mask(), w);
    for (const Backend which : {Backend::kAuto, Backend::kReference}) {
      const BackendScope scope(which);
      const FusedModalities fused = modality_attention(features, guide, some_mask(), w);
      expect_close(fused.y, expected.y, 1e-12);
      expect_close(fused.weights, expected.weights, 1e-12);
      EXPECT_EQ(fused.y[3].abs().sum().item<double>(), 0);
    }
  }
}

TEST(Modality, ManyBlocksInFloatAndStridedInputs) {
  at::manual_seed(62);
  const at::Tensor features = at::randn({4, 4, 70, 6, 90}).transpose(2, 3),
                   guide = at::randn({4, 90, 70, 5}).permute({0, 3, 2, 1});
  ModalityWeights w = modality_weights(4, 8, 6, 5);
  for (at::Tensor* t : {&w.wf, &w.wg, &w.bg, &w.wp, &w.bp}) *t = t->to(at::kFloat);
  const FusedModalities fused = modality_attention(features, guide, some_mask(), w);
  const BackendScope scope(Backend::kReference);
  const FusedModalities reference = modality_attention(features, guide, some_mask(), w);
  expect_close(fused.y, reference.y, 5e-5);
  expect_close(fused.weights, reference.weights, 5e-5);
}

TEST(Modality, PermutingModalitiesWithTheirWeightsChangesNothing) {
  at::manual_seed(63);
  const at::Tensor features = doubles({4, 4, 6, 9}), guide = doubles({4, 5, 9});
  ModalityWeights w = modality_weights(4, 3, 6, 5);
  const FusedModalities fused = modality_attention(features, guide, some_mask(), w);
  w.wf = w.wf.flip(0);
  const FusedModalities turned = modality_attention(features.flip(1), guide, some_mask().flip(1), w);
  expect_close(turned.y, fused.y, 1e-12);
  expect_close(turned.weights.flip(1), fused.weights, 1e-12);
}

TEST(Modality, GivenScoresMayBeInfiniteHugeOrUnsetWhereAbsent) {
  at::manual_seed(64);
  for (const Backend which : {Backend::kAuto, Backend::kReference}) {
    const BackendScope scope(which);
    at::Tensor features = doubles({1, 3, 2, 4}), scores = at::zeros({1, 3, 4}, at::kDouble);
    const at::Tensor present = mask_of({{1, 1, 0}});
    scores[0][2].fill_(std::nan(""));
    scores[0][0][1] = 1e4, scores[0][1][1] = -1e4;
    scores[0][0][2] = -kInfinity, scores[0][1][2] = -kInfinity;
    scores[0][1][3] = std::nan("");
    const FusedModalities fused = fused_modalities(features, scores, present);
    const at::Tensor y = fused.y[0].t();
    expect_close(y[0], (features[0][0].select(1, 0) + features[0][1].select(1, 0)) / 2, 1e-12);
    expect_close(y[1], features[0][0].select(1, 1), 1e-12);
    EXPECT_EQ(y[2].abs().sum().item<double>(), 0);
    EXPECT_TRUE(at::isnan(y[3]).all().item<bool>());
    EXPECT_EQ(fused.weights[0][2].abs().sum().item<double>(), 0);
  }
}

TEST(Modality, GradientsMatchFiniteDifferencesAndAreZeroWhereAbsent) {
  at::manual_seed(65);
  at::Tensor features = doubles({4, 4, 2, 3}), guide = doubles({4, 2, 3});
  const ModalityWeights w = modality_weights(4, 3, 2, 2);
  const at::Tensor cy = doubles({4, 2, 3}), ca = doubles({4, 4, 3});
  const auto value = [&] {
    const FusedModalities fused = modality_attention(features, guide, some_mask(), w);
    return (fused.y * cy).sum() + (fused.weights * ca).sum();
  };
  expect_gradients({features, guide, w.wf, w.wg, w.bg, w.wp, w.bp}, value);
  EXPECT_EQ(features.grad()[3].abs().sum().item<double>(), 0);
  const at::Tensor before = features.grad().clone();
  features.mutable_grad() = at::Tensor();
  const at::Tensor absent = some_mask().logical_not().view({4, 4, 1, 1}).expand({4, 4, 2, 3});
  {
    const at::NoGradGuard no_grad;
    features.masked_fill_(absent, std::nan(""));
  }
  value().backward();
  expect_close(features.grad(), before, 1e-12);
}

TEST(Modality, ShapesThatDoNotFitAreRefused) {
  const ModalityWeights w = modality_weights(4, 3, 6, 5);
  const at::Tensor features = doubles({4, 4, 6, 9}), guide = doubles({4, 5, 9});
  EXPECT_THROW(modality_attention(features, doubles({4, 5, 8}), some_mask(), w), fovea::Error);
  EXPECT_THROW(modality_attention(features, guide, some_mask().slice(1, 0, 3), w), fovea::Error);
  EXPECT_THROW(modality_attention(features, guide, at::ones({4, 4}), w), fovea::Error);
  EXPECT_THROW(modality_attention(features, guide, some_mask(), modality_weights(3, 3, 6, 5)), fovea::Error);
  EXPECT_THROW(modality_attention(doubles({4, 4, 6, 0}), doubles({4, 5, 0}), some_mask(), w), fovea::Error);
  EXPECT_THROW(fused_modalities(features, doubles({4, 3, 9}), some_mask()), fovea::Error);
}

}  // namespace
