// Explanations on models whose behaviour is known, and maps to the pixel.
#include "slide/explanation.h"

#include <cmath>
#include <numeric>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/io/slide.h>
#include <fovea/models/mil.h>

#include "shared.h"
#include "slide/embedding.h"
#include "slide/score_map.h"

namespace {

using namespace fovea;
using namespace fovea::pipeline::slide;

std::unique_ptr<models::MilModel> random_model(const std::string& name, std::int64_t features) {
  const models::MilRow& row = models::mil_model(name);
  models::MilConfig config;
  config.architecture = name, config.features = features, config.classes = 3;
  config = row.completed(config);
  return row.make(config, models::random_state(row.specs(config), 5));
}

TEST(GradientTimesInput, IsTheDerivativeAlongTheInstance) {
  at::manual_seed(1);
  for (const char* name : {"abmil", "acmil_ga", "clam_sb", "mean_pooling"}) {
    const auto model = random_model(name, 16);
    const at::Tensor rows = at::randn({12, 16});
    const std::vector<float> found = gradient_times_input(*model, rows, {}, 1);
    ASSERT_EQ(found.size(), 12U);
    for (const std::int64_t n : {0, 5, 11}) {
      const auto logit = [&](double factor) {
        at::Tensor changed = rows.clone();
        changed[n] *= factor;
        return model->forward(changed).bag_logits.reshape({-1})[1].item<double>();
      };
      EXPECT_NEAR(found[static_cast<std::size_t>(n)], (logit(1.01) - logit(0.99)) / 0.02, 2e-3) << name << " " << n;
    }
  }
}

TEST(Agreement, OfAMapWithItselfIsWhole) {
  std::vector<float> map(200);
  for (std::size_t i = 0; i < map.size(); ++i) map[i] = static_cast<float>((i * 37) % 200);
  const Agreement same = agreement_of(map, map);
  EXPECT_NEAR(*same.spearman, 1, 1e-12);
  for (const Overlap& overlap : same.overlaps) EXPECT_EQ(overlap.share, 1) << overlap.k;
  std::vector<float> reversed = map;
  for (float& value : reversed) value = 300 - value;
  EXPECT_NEAR(*agreement_of(map, reversed).spearman, -1, 1e-12);
  EXPECT_EQ(agreement_of(map, reversed).overlaps.front().share, 0);
}

TEST(RemovalCurves, FollowAModelThatHangsOnOneInstance) {
  std::vector<float> attention(100, 0.001F);
  attention[42] = 0.9F;
  const auto has_it = [](std::span<const std::int64_t> part) {
    EXPECT_TRUE(std::is_sorted(part.begin(), part.end()));
    return std::find(part.begin(), part.end(), 42) != part.end() ? 0.9 : 0.1;
  };
  const RemovalCurves curves = removal_curves(attention, has_it, 5, 3, [](double) {});
  EXPECT_EQ(curves.deletion.front().share, 0);
  EXPECT_EQ(curves.deletion.front().instances, 100);
  EXPECT_EQ(curves.deletion.front().probability, 0.9) << "deletion of nothing is the original";
  EXPECT_NEAR(curves.deletion.front().random, 0.9, 1e-12);
  for (std::size_t i = 1; i < curves.deletion.size(); ++i) EXPECT_EQ(curves.deletion[i].probability, 0.1);
  for (const RemovalPoint& point : curves.insertion) EXPECT_EQ(point.probability, 0.9);
  EXPECT_EQ(curves.insertion.back().instances, 100);
  EXPECT_LT(area_under(curves.deletion, &RemovalPoint::probability),
            area_under(curves.deletion, &RemovalPoint::random));
  EXPECT_GT(area_under(curves.insertion, &RemovalPoint::probability),
            area_under(curves.insertion, &RemovalPoint::random));
  const RemovalCurves again = removal_curves(attention, has_it, 5, 3, [](double) {});
  for (std::size_t i = 0; i < curves.deletion.size(); ++i)
    EXPECT_EQ(curves.deletion[i].random, again.deletion[i].random) << "the same seed draws the same orders";
}

TEST(RemovalCurves, ABagOfOneKeepsItsInstance) {
  const std::vector<float> attention{1};
  const RemovalCurves curves = removal_curves(
      attention, [](auto part) { return 0.5 * part.size(); }, 1, 0, [](double) {});
  for (const RemovalPoint& point : curves.deletion) EXPECT_EQ(point.instances, 1);
}

std::uint8_t grey_at(const io::Slide& slide, std::int64_t x, std::int64_t y) {
  std::vector<std::uint8_t> rgb(3);
  slide.read_region(0, x, y, 1, 1, rgb);
  return rgb[0];
}

TEST(ScoreMap, TilesLieWhereTheyAreToThePixelAndOverlapsAreAveraged) {
  const test::TemporaryFolder folder;
  const std::vector<std::int64_t> coords{0, 0, 512, 256, 640, 256};  // the last two overlap
  const std::vector<float> value{1, 0, 0.5F};
  const HeatmapContent content{coords, value, 256, {}};
  const MapGrid grid = map_grid(4096, 2048, 256, 0.5);
  EXPECT_EQ(grid.pixel_px, 16);
  EXPECT_EQ(grid.width, 256);
  EXPECT_EQ(grid.height, 128);
  write_score_map(folder.path() / "map.tif", content, grid);
  const auto slide = io::open_slide(folder.path() / "map.tif");
  EXPECT_NEAR(slide->info().scale->mpp, 8, 1e-4);
  EXPECT_EQ(grey_at(*slide, 0, 0), 255);
  EXPECT_EQ(grey_at(*slide, 15, 15), 255);
  EXPECT_EQ(grey_at(*slide, 16, 15), 0) << "no tile";
  EXPECT_EQ(grey_at(*slide, 31, 16), 0);
  EXPECT_EQ(grey_at(*slide, 32, 16), 1) << "the lowest score is not 'no tile'";
  EXPECT_EQ(grey_at(*slide, 40, 31), 1 + std::lround(254 * 0.25)) << "the mean of 0 and 0.5";
  EXPECT_EQ(grey_at(*slide, 48, 20), 1 + std::lround(254 * 0.5));
  EXPECT_EQ(grey_at(*slide, 55, 31), 1 + std::lround(254 * 0.5));
  EXPECT_EQ(grey_at(*slide, 56, 31), 0);
}

TEST(ScoreMap, StaysBelowTheLimitOfPixels) {
  const MapGrid grid = map_grid(200000, 100000, 256, 0.25, 1'000'000);
  EXPECT_LE(static_cast<std::int64_t>(grid.width) * grid.height, 1'000'000);
  EXPECT_DOUBLE_EQ(grid.mpp, 0.25 * grid.pixel_px);
}

TEST(ScoreMap, TheOverlayShowsTheSlideBetweenTheTiles) {
  const test::TemporaryFolder folder;
  const std::vector<std::int64_t> coords{32, 0};
  const std::vector<float> value{1};
  io::Image background(4, 4, 3, 77);
  const MapGrid grid{8, 10, 6, 0};
  write_overlay_map(folder.path() / "map.tif", {coords, value, 16, {}}, grid, {"jet", 1}, &background, 1, 1);
  const auto slide = io::open_slide(folder.path() / "map.tif", {1.0});
  EXPECT_EQ(grey_at(*slide, 0, 0), 255) << "white outside of the overview";
  EXPECT_EQ(grey_at(*slide, 1, 1), 77);
  EXPECT_EQ(grey_at(*slide, 4, 4), 77);
  EXPECT_EQ(grey_at(*slide, 5, 5), 255);
  std::vector<std::uint8_t> rgb(3);
  slide->read_region(0, 4, 1, 1, 1, rgb);
  EXPECT_EQ(rgb[1], 0) << "the upper end of jet is dark red";
}

/// Three blobs in 20 dimensions.
at::Tensor blobs() {
  at::manual_seed(3);
  return at::cat({at::randn({60, 20}), at::randn({60, 20}) + 8, at::randn({60, 20}) - 8});
}

TEST(Embedding, PrincipalComponentsAreThoseOfAPlane) {
  at::manual_seed(2);
  const at::Tensor plane = at::randn({50, 2}) * at::tensor({5.0F, 1.0F});
  const at::Tensor wide = at::matmul(plane, std::get<0>(at::linalg_qr(at::randn({10, 2}))).t());
  const auto points = principal_plane(wide);
  EXPECT_NEAR(trustworthiness(wide, points, 5), 1, 1e-9) << "a plane is shown as it is";
}

TEST(Embedding, UmapKeepsNeighboursAndRepeats) {
  if (!has_umap()) GTEST_SKIP() << "built without the UMAP headers (./run deps)";
  const at::Tensor rows = blobs();
  const auto points = umap_plane(rows, 7);
  EXPECT_EQ(points, umap_plane(rows, 7));
  const double umap = trustworthiness(rows, points, 12), pca = trustworthiness(rows, principal_plane(rows), 12);
  EXPECT_GT(umap, pca);
  EXPECT_GT(umap, 0.85);
}

TEST(Embedding, FewRowsAndSamplesHaveTheirForm) {
  EXPECT_EQ(umap_plane(at::randn({5, 3}), 0).size(), 5U);
  EXPECT_EQ(principal_plane(at::randn({4, 1})).size(), 4U);
  const auto few = sampled_indices(1000, 100, 1);
  EXPECT_EQ(few.size(), 100U);
  EXPECT_TRUE(std::is_sorted(few.begin(), few.end()));
  EXPECT_EQ(std::adjacent_find(few.begin(), few.end()), few.end());
  EXPECT_EQ(sampled_indices(5, 100, 1).size(), 5U);
}

}  // namespace
