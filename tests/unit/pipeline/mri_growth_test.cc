// Two outlines of one head: growth, new and vanished lesions, other grids, lesions that merge.
#include "mri/growth/growth.h"

#include <cmath>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/pipeline/job.h>

#include "mri_head_support.h"
#include "shared.h"

namespace fovea::pipeline::mri {
namespace {

struct Ball {
  Vec3 centre;
  double radius;
};

Outline outline(const Vec3& spacing, const std::vector<Ball>& balls, double origin = -30) {
  Outline o;
  for (std::size_t a = 0; a < 3; ++a) o.geometry.size[a] = static_cast<std::int64_t>(60 / spacing[a]);
  o.geometry.spacing_mm = spacing, o.geometry.origin_mm = {origin, origin, origin};
  for (std::int64_t k = 0; k < o.geometry.size[2]; ++k)
    for (std::int64_t j = 0; j < o.geometry.size[1]; ++j)
      for (std::int64_t i = 0; i < o.geometry.size[0]; ++i) {
        const Vec3 p = o.geometry.point_lps({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        bool inside = false;
        for (const Ball& b : balls)
          inside |= std::hypot(p[0] - b.centre[0], p[1] - b.centre[1], p[2] - b.centre[2]) <= b.radius;
        o.mask.push_back(inside);
      }
  return o;
}

TEST(Growth, OnOtherGridsByTheirHeaders) {
  const auto changes = lesion_changes(outline({1, 1, 1}, {{{0, 0, 0}, 8}}), outline({0.8, 0.8, 2}, {{{1, 0, 0}, 12}}));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].verdict(), "grown");
  EXPECT_NEAR(changes[0].change_ml(), 4.0 / 3 * M_PI * (1.728 - 0.512), 0.1);
  EXPECT_NEAR(change_percent(changes[0].volume_before.ml, changes[0].volume_after.ml).value(), 237.5, 10);
}

TEST(Growth, NewVanishedAndNoCertainChange) {
  const auto changes = lesion_changes(outline({1, 1, 1}, {{{-15, 0, 0}, 6}, {{15, 15, 0}, 3}}),
                                      outline({1, 1, 1}, {{{-15, 0, 0}, 6.3}, {{15, -15, 0}, 4}}));
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].verdict(), "no certain change");
  EXPECT_GT(changes[0].uncertainty_ml(), std::abs(changes[0].change_ml()));
  EXPECT_EQ(changes[1].verdict(), "new");
  EXPECT_NEAR(changes[1].centroid_lps_mm[1], -15, 1e-9);
  EXPECT_EQ(changes[2].verdict(), "vanished");
  EXPECT_FALSE(change_percent(changes[1].volume_before.ml, changes[1].volume_after.ml));
}

TEST(Growth, LesionsThatGrowTogetherAreOne) {
  const auto changes = lesion_changes(outline({1, 1, 1}, {{{-7, 0, 0}, 5}, {{7, 0, 0}, 5}}),
                                      outline({1, 1, 1}, {{{-7, 0, 0}, 8}, {{7, 0, 0}, 8}}));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].before.size(), 2U);
  EXPECT_EQ(changes[0].after.size(), 1U);
  EXPECT_EQ(changes[0].verdict(), "grown");
}

TEST(Growth, ATinyLesionThatMovedByMillimetresIsTheSame) {
  const auto near = lesion_changes(outline({1, 1, 1}, {{{0, 0, 0}, 1}}), outline({1, 1, 1}, {{{4, 0, 0}, 1}}));
  EXPECT_EQ(near.size(), 1U);
  EXPECT_EQ(lesion_changes(outline({1, 1, 1}, {{{0, 0, 0}, 1}}), outline({1, 1, 1}, {{{9, 0, 0}, 1}})).size(), 2U);
  // A head that lay elsewhere, known from registration.
  Affine shift;
  shift.offset = {-9, 0, 0};
  EXPECT_EQ(lesion_changes(outline({1, 1, 1}, {{{0, 0, 0}, 1}}), outline({1, 1, 1}, {{{9, 0, 0}, 1}}), shift).size(),
            1U);
}

/// The patient lay 25 mm and 9 degrees differently: only the scans can tell that the lesion stayed and grew.
TEST(Growth, TheScansTellWhereTheOutlineWas) {
  const test::TemporaryFolder folder;
  const io::Geometry later_grid = centred_grid({60, 72, 36}, {3, 3, 4.5}),
                     earlier_grid = centred_grid({56, 60, 42}, {3.2, 3.4, 4});
  const Affine move = rigid_move({4, -3, 7}, {18, -14, 11});
  const auto mask = [](const io::Geometry& grid, double radius) {
    io::Volume volume{grid, {}};
    for (std::int64_t k = 0; k < grid.size[2]; ++k)
      for (std::int64_t j = 0; j < grid.size[1]; ++j)
        for (std::int64_t i = 0; i < grid.size[0]; ++i) {
          const Vec3 p = grid.point_lps({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
          volume.values.push_back(std::hypot(p[0] - 30, p[1] - 20, p[2] + 10) <= radius ? 1.0F : 0.0F);
        }
    return volume;
  };
  io::write_volume(folder / "earlier.nii.gz", moved(drawn_head(earlier_grid, kT1), move));
  io::write_volume(folder / "later.nii.gz", drawn_head(later_grid, kT1));
  io::write_volume(folder / "before.nii.gz", moved(mask(earlier_grid, 7), move));
  io::write_volume(folder / "after.nii.gz", mask(later_grid, 12));
  const auto grown = [&](bool with_scans) {
    JobRequest request{"mri growth",
                       {{"before", (folder / "before.nii.gz").string()},
                        {"after", (folder / "after.nii.gz").string()},
                        {"days", 100.0},
                        {"out", (folder / "out").string()}}};
    if (with_scans) {
      request.values["before-image"] = (folder / "earlier.nii.gz").string();
      request.values["after-image"] = (folder / "later.nii.gz").string();
    }
    return nlohmann::json::parse(run_job(request).json);
  };
  const auto registered = grown(true);
  EXPECT_EQ(registered["alignment"]["by"], "rigid registration of the scans");
  EXPECT_NEAR(registered["alignment"]["moved_mm"].get<double>(), std::hypot(18, 14, 11), 3);
  ASSERT_EQ(registered["lesions"].size(), 1U) << registered["lesions"].dump(1);
  EXPECT_EQ(registered["lesions"][0]["verdict"], "grown");
  const auto by_headers = grown(false);
  EXPECT_EQ(by_headers["alignment"]["by"], "headers");
  EXPECT_EQ(by_headers["lesions"].size(), 2U) << "the outlines do not meet by the headers";
}

TEST(Growth, DoublingTime) {
  EXPECT_NEAR(doubling_days(1, 4, 100).value(), 50, 1e-9);
  EXPECT_FALSE(doubling_days(2, 1, 100));
  EXPECT_FALSE(doubling_days(0, 1, 100));
}

}  // namespace
}  // namespace fovea::pipeline::mri
