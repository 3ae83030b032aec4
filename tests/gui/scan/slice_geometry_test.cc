// Left is left: planes, letters and true proportions.
#include <gtest/gtest.h>

#include "scan/slice_geometry.h"

namespace fovea::gui {
namespace {

pipeline::ViewGrid grid_of(std::array<std::int64_t, 3> size, std::array<double, 3> spacing_mm) {
  pipeline::ViewGrid grid;
  grid.geometry.size = size, grid.geometry.spacing_mm = spacing_mm;
  return grid;
}

pipeline::ViewIndex voxel_under(const SliceFrame& frame, double u, double v, std::int64_t slice) {
  return frame.voxel(static_cast<int>(u), static_cast<int>(v), slice);
}

TEST(SliceFrame, RadiologicalAxialHasThePatientsLeftOnTheRight) {
  const SliceFrame frame(grid_of({10, 20, 30}, {1, 1, 1}), Plane::kAxial, Convention::kRadiological);
  // Index 0 of the first display axis lies at the patient's right.
  EXPECT_EQ(frame.pixel({0, 0, 5}).x(), 0.5);
  EXPECT_EQ(frame.pixel({9, 0, 5}).x(), 9.5);
  EXPECT_EQ(frame.pixel({0, 19, 5}).y(), 19.5) << "posterior is below";
  EXPECT_EQ(frame.letters(), (std::array<QString, 4>{"R", "L", "A", "P"}));
  EXPECT_EQ(frame.slices(), 30);
}

TEST(SliceFrame, NeurologicalMirrorsAxialAndCoronalAlone) {
  const auto grid = grid_of({10, 20, 30}, {1, 1, 1});
  const SliceFrame axial(grid, Plane::kAxial, Convention::kNeurological);
  EXPECT_EQ(axial.pixel({9, 0, 5}).x(), 0.5);
  EXPECT_EQ(axial.letters()[0], "L");
  const SliceFrame coronal(grid, Plane::kCoronal, Convention::kNeurological);
  EXPECT_EQ(coronal.letters(), (std::array<QString, 4>{"L", "R", "S", "I"}));
  const SliceFrame sagittal(grid, Plane::kSagittal, Convention::kNeurological);
  EXPECT_EQ(sagittal.letters(), (std::array<QString, 4>{"A", "P", "S", "I"}));
}

TEST(SliceFrame, CoronalAndSagittalHaveTheVertexOnTop) {
  const auto grid = grid_of({10, 20, 30}, {1, 1, 1});
  for (const Plane plane : {Plane::kCoronal, Plane::kSagittal})
    EXPECT_EQ(SliceFrame(grid, plane, Convention::kRadiological).pixel({3, 4, 29}).y(), 0.5);
}

TEST(SliceFrame, PixelAndVoxelAreInverse) {
  const auto grid = grid_of({7, 9, 11}, {0.7, 0.9, 4});
  for (const Plane plane : kPlanes)
    for (const Convention convention : {Convention::kRadiological, Convention::kNeurological}) {
      const SliceFrame frame(grid, plane, convention);
      const pipeline::ViewIndex at{2, 5, 7};
      const QPointF pixel = frame.pixel({2, 5, 7});
      EXPECT_EQ(voxel_under(frame, pixel.x(), pixel.y(), at[frame.across()]), at);
    }
}

TEST(SliceFrame, ATurnedScanSaysSo) {
  EXPECT_EQ(direction_letters({0.99, 0.1, 0.05}), "L");
  EXPECT_EQ(direction_letters({-0.99, 0.1, 0.05}), "R");
  EXPECT_EQ(direction_letters({0, -0.87, 0.5}), "AS");
  EXPECT_EQ(direction_letters({0.58, 0.58, -0.57}).size(), 2);
  auto grid = grid_of({4, 4, 4}, {1, 1, 1});
  grid.geometry.direction = {0.866, -0.5, 0, 0.5, 0.866, 0, 0, 0, 1};
  const SliceFrame frame(grid, Plane::kAxial, Convention::kRadiological);
  EXPECT_EQ(frame.letters(), (std::array<QString, 4>{"RA", "LP", "AL", "PR"}));
}

TEST(SliceTransform, AnisotropicVoxelsKeepTheirProportions) {
  const SliceFrame frame(grid_of({100, 100, 25}, {1, 1, 4}), Plane::kCoronal, Convention::kRadiological);
  const SliceTransform t = fitted(frame, {400, 400}, 1, {});
  const QPointF first = t.to_widget({0, 0}), last = t.to_widget({100, 25});
  EXPECT_NEAR(last.x() - first.x(), last.y() - first.y(), 1e-9) << "100 mm each way";
  EXPECT_NEAR(first.x() + last.x(), 400, 1e-9) << "in the middle";
  const QPointF back = t.to_picture(t.to_widget({12.25, 3.75}));
  EXPECT_NEAR(back.x(), 12.25, 1e-9);
  EXPECT_NEAR(back.y(), 3.75, 1e-9);
}

TEST(SliceTransform, ZoomAndPanAreInMillimetres) {
  const SliceFrame frame(grid_of({50, 50, 50}, {2, 2, 2}), Plane::kAxial, Convention::kRadiological);
  const SliceTransform near = fitted(frame, {300, 300}, 3, {10, 0}), far = fitted(frame, {300, 300}, 1, {});
  EXPECT_NEAR(near.pixels_per_mm, 3 * far.pixels_per_mm, 1e-12);
  EXPECT_NEAR(near.to_widget({25, 25}).x() - 150, 10 * near.pixels_per_mm, 1e-9);
}

}  // namespace
}  // namespace fovea::gui
