// Lesion measures on oblique, anisotropic grids: a ball, a rod, two lesions, one voxel; sides and the midline.
#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mri/midline.h"
#include "mri/report.h"
#include "slide/random_source.h"

namespace fovea::pipeline::mri {
namespace {

/// Turned by 20 degrees about S, then tilted by 10 about R.
io::Geometry oblique(const Index3& size, const Vec3& spacing, const Vec3& middle_lps = {0, 0, 0}) {
  io::Geometry g;
  g.size = size, g.spacing_mm = spacing;
  const double a = 20 * M_PI / 180, b = 10 * M_PI / 180;
  g.direction = {std::cos(a),
                 -std::sin(a),
                 0,  //
                 std::sin(a) * std::cos(b),
                 std::cos(a) * std::cos(b),
                 -std::sin(b),  //
                 std::sin(a) * std::sin(b),
                 std::cos(a) * std::sin(b),
                 std::cos(b)};
  const Vec3 there = g.point_lps({static_cast<double>(size[0] - 1) / 2, static_cast<double>(size[1] - 1) / 2,
                                  static_cast<double>(size[2] - 1) / 2});
  for (std::size_t i = 0; i < 3; ++i) g.origin_mm[i] = middle_lps[i] - there[i];
  return g;
}

template <class Inside>
io::LabelVolume labels_where(const io::Geometry& g, Inside inside) {
  io::LabelVolume labels{g, {}};
  for (std::int64_t k = 0; k < g.size[2]; ++k)
    for (std::int64_t j = 0; j < g.size[1]; ++j)
      for (std::int64_t i = 0; i < g.size[0]; ++i)
        labels.values.push_back(
            inside(g.point_lps({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)})));
  return labels;
}

std::vector<Lesion> measured(const io::LabelVolume& labels, float p = 0.75F) {
  const std::vector<float> probability(labels.values.size(), p);
  std::vector<Lesion> lesions;
  for (const Component& c : find_components(labels.values, labels.geometry.size, Connectivity::k26))
    lesions.push_back(measure(c, labels.geometry, probability));
  return lesions;
}

bool ball(const Vec3& p, const Vec3& centre, double radius) {
  return std::hypot(p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]) <= radius;
}

TEST(Lesion, ABallOnAnObliqueGrid) {
  const io::Geometry g = oblique({60, 70, 30}, {0.8, 0.7, 2});
  const Vec3 centre{3, -4, 2};
  const auto lesions = measured(labels_where(g, [&](const Vec3& p) { return ball(p, centre, 12); }));
  ASSERT_EQ(lesions.size(), 1U);
  const Lesion& l = lesions[0];
  EXPECT_NEAR(l.volume_ml, 4.0 / 3 * M_PI * 1.728, 0.05);
  EXPECT_NEAR(l.longest_diameter_mm, 24, 0.6);
  EXPECT_NEAR(l.longest_axial_diameter_mm, 24, 1.2);
  EXPECT_NEAR(l.axial_width_mm, 24, 1.5);
  EXPECT_LE(l.axial_width_mm, l.longest_axial_diameter_mm + 1e-9);
  for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(l.centroid_lps_mm[a], centre[a], 0.1);
  EXPECT_NEAR(l.mean_probability, 0.75, 1e-6);
}

TEST(Lesion, ARodHasALengthAndAWidth) {
  io::Geometry g = oblique({80, 40, 12}, {0.5, 1, 3});
  io::LabelVolume labels{g, std::vector<std::uint8_t>(static_cast<std::size_t>(g.voxels()), 0)};
  for (std::int64_t j = 10; j < 13; ++j)
    for (std::int64_t i = 5; i < 66; ++i) labels.values[static_cast<std::size_t>((4 * 40 + j) * 80 + i)] = 1;
  const auto lesions = measured(labels);
  ASSERT_EQ(lesions.size(), 1U);
  const double length = std::hypot(60 * 0.5, 2.0);
  EXPECT_NEAR(lesions[0].longest_diameter_mm, length, 1e-9);
  EXPECT_NEAR(lesions[0].longest_axial_diameter_mm, length, 1e-9);
  // The corners beside the diagonal lie 30 * 2 / length away on either side.
  EXPECT_NEAR(lesions[0].axial_width_mm, 2 * 30 * 2 / length, 1e-9);
}

TEST(Lesion, OneVoxelHasNoExtent) {
  const io::Geometry g = oblique({8, 8, 8}, {1, 1, 4});
  io::LabelVolume labels{g, std::vector<std::uint8_t>(512, 0)};
  labels.values[77] = 1;
  const auto lesions = measured(labels);
  ASSERT_EQ(lesions.size(), 1U);
  EXPECT_EQ(lesions[0].longest_diameter_mm, 0);
  EXPECT_EQ(lesions[0].longest_axial_diameter_mm, 0);
  EXPECT_EQ(lesions[0].axial_width_mm, 0);
  EXPECT_NEAR(lesions[0].volume_ml, 0.004, 1e-12);
}

/// An egg of tissue with a bright ring and two dark ventricles, symmetric about x = 6 mm LPS, and noise.
io::Volume head(const io::Geometry& g) {
  io::Volume volume;
  volume.geometry = g;
  slide::RandomSource random(2);
  for (std::int64_t k = 0; k < g.size[2]; ++k)
    for (std::int64_t j = 0; j < g.size[1]; ++j)
      for (std::int64_t i = 0; i < g.size[0]; ++i) {
        const Vec3 p = g.point_lps({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        const double x = p[0] - 6, r = std::hypot(x / 65, p[1] / 85, p[2] / 60);
        double value = r > 1 ? 0 : r > 0.85 ? 180 : 100 + p[1] / 2;
        if (std::hypot((std::abs(x) - 14) / 6, p[1] / 25, p[2] / 15) < 1) value = 20;
        volume.values.push_back(static_cast<float>(value + random.uniform(0, 12)));
      }
  return volume;
}

TEST(Midline, IsFoundOnATurnedAnisotropicHead) {
  // Turned by only so much that the search reaches it.
  io::Geometry g = oblique({100, 120, 30}, {1.8, 1.7, 5}, {4, 0, 0});
  const auto midline = find_midline(head(g));
  ASSERT_TRUE(midline);
  EXPECT_TRUE(midline->sure) << midline->symmetry;
  EXPECT_NEAR(midline->normal_ras[0], 1, 0.01);
  EXPECT_LE(midline->spread_mm, 3);
  // RAS x of the plane is -6; right of it is towards smaller LPS x.
  EXPECT_NEAR(midline->right_of({6, 0, 0}), 0, 2);
  EXPECT_NEAR(midline->right_of({-24, 10, 5}), 30, 2);
  const auto lesions = labels_where(g, [](const Vec3& p) {
    return ball(p, {-24, 10, 5}, 8) || ball(p, {46, -20, 0}, 9) || ball(p, {6, 50, 10}, 9);
  });
  std::map<std::string, Laterality> sides;
  for (const Component& c : find_components(lesions.values, g.size, Connectivity::k26)) {
    const Laterality side = laterality_of(c, g, midline);
    sides[side.side] = side;
  }
  ASSERT_EQ(sides.size(), 3U);
  EXPECT_NEAR(sides["right"].centroid_distance_mm.value(), 30, 2);
  EXPECT_NEAR(sides["right"].nearest_distance_mm.value(), 22, 3);
  EXPECT_NEAR(sides["left"].centroid_distance_mm.value(), 40, 2);
  EXPECT_EQ(sides["midline"].nearest_distance_mm.value(), 0);
}

TEST(Midline, NoiseHasNone) {
  io::Volume volume;
  volume.geometry = oblique({60, 60, 30}, {3, 3, 5});
  slide::RandomSource random(9);
  for (std::int64_t i = 0; i < volume.geometry.voxels(); ++i)
    volume.values.push_back(static_cast<float>(random.uniform(0, 1) * random.uniform(0, 100)));
  const auto midline = find_midline(volume);
  EXPECT_FALSE(midline && midline->sure);
  Component c;
  c.voxels = {5};
  EXPECT_EQ(laterality_of(c, volume.geometry, midline).side, "unknown");
  EXPECT_FALSE(laterality_of(c, volume.geometry, midline).centroid_distance_mm);
}

TEST(Midline, HalfAHeadHasNone) {
  io::Geometry g = oblique({50, 120, 30}, {1.8, 1.7, 5}, {50, 0, 0});
  const auto midline = find_midline(head(g));
  EXPECT_FALSE(midline && midline->sure) << midline->symmetry << " " << midline->spread_mm;
}

TEST(Report, TwoLesionsAreMultifocalUnlessOneIsTiny) {
  const io::Geometry g = oblique({100, 120, 30}, {1.8, 1.7, 5});
  Segmentation segmentation;
  segmentation.labels = labels_where(g, [](const Vec3& p) {
    return ball(p, {-24, 10, 5}, 9) || ball(p, {40, 0, 0}, 7);
  });
  segmentation.probabilities = {Grid(g.size, 0.8F)};
  Report report;
  report.labels = {"background", "tumour, solid"};
  report.below_size_mm3 = 100;
  find_findings(segmentation, head(g), report);
  nlohmann::json json = report_json(report);
  EXPECT_EQ(json["lesions"].size(), 2U);
  EXPECT_EQ(json["lesions"][0]["laterality"], "right");
  EXPECT_EQ(json["totals"][0]["focality"]["multifocal"], true);
  report.findings.clear(), report.below_size_mm3 = 2500;
  find_findings(segmentation, head(g), report);
  json = report_json(report);
  EXPECT_EQ(json["totals"][0]["focality"]["multifocal"], false);
  EXPECT_EQ(json["lesions"][1]["below_size_limit"], true);
  const std::string csv = lesions_csv(report);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
  EXPECT_NE(csv.find("1,1,\"tumour, solid\","), std::string::npos);
}

}  // namespace
}  // namespace fovea::pipeline::mri
