// What is drawn where: marked voxels, overlays on other grids, outlines.
#include <gtest/gtest.h>

#include "scan/slice_image.h"

#include <fovea/pipeline/colour_table.h>
#include "support.h"

namespace fovea::gui {
namespace {

using test::volume_of;

/// One bright voxel towards the patient's left, posterior and above, in greys of 0 and 200.
std::shared_ptr<pipeline::ViewVolume> marked() {
  return volume_of({8, 10, 12}, {1, 1, 2}, [](auto i, auto j, auto k) { return i == 6 && j == 7 && k == 9 ? 200 : 0; });
}

std::vector<QPoint> bright(const QImage& image) {
  std::vector<QPoint> points;
  for (int y = 0; y < image.height(); ++y)
    for (int x = 0; x < image.width(); ++x)
      if (qGreen(image.pixel(x, y)) > 128) points.emplace_back(x, y);
  return points;
}

TEST(SliceImage, AMarkedVoxelOnTheLeftLiesOnTheRight) {
  ScanScene scene;
  scene.setBase(marked(), "T1");
  scene.setWindow(0, {0, 200});
  EXPECT_EQ(bright(slice_images(scene, Plane::kAxial, 9).grey), std::vector<QPoint>{QPoint(6, 7)});
  EXPECT_EQ(bright(slice_images(scene, Plane::kCoronal, 7).grey), std::vector<QPoint>{QPoint(6, 2)});
  EXPECT_EQ(bright(slice_images(scene, Plane::kSagittal, 6).grey), std::vector<QPoint>{QPoint(7, 2)});
  EXPECT_TRUE(bright(slice_images(scene, Plane::kAxial, 8).grey).empty());
  scene.setConvention(Convention::kNeurological);
  EXPECT_EQ(bright(slice_images(scene, Plane::kAxial, 9).grey), std::vector<QPoint>{QPoint(1, 7)});
}

TEST(SliceImage, TheWindowMapsBlackAndWhite) {
  ScanScene scene;
  scene.setBase(volume_of({256, 2, 2}, {1, 1, 1}, [](auto i, auto, auto) { return static_cast<int>(i); }), "T1");
  scene.setWindow(0, {50, 150});
  const QImage image = slice_images(scene, Plane::kAxial, 0).grey;
  EXPECT_EQ(qRed(image.pixel(50, 0)), 0);
  EXPECT_EQ(qRed(image.pixel(100, 0)), 128);
  EXPECT_EQ(qRed(image.pixel(150, 0)), 255);
  EXPECT_EQ(qRed(image.pixel(255, 0)), 255);
}

TEST(SliceImage, FloatsAndShortsLookTheSame) {
  const auto shorts = volume_of({16, 4, 4}, {1, 1, 1}, [](auto i, auto j, auto k) { return int(i * 7 + j * 3 + k); });
  auto floats = std::make_shared<pipeline::ViewVolume>(*shorts);
  floats->floats.assign(shorts->shorts.begin(), shorts->shorts.end());
  floats->shorts.clear();
  ScanScene a, b;
  a.setBase(shorts, "T1"), b.setBase(floats, "T1");
  for (const Plane plane : kPlanes) {
    const QImage left = slice_images(a, plane, 1).grey, right = slice_images(b, plane, 1).grey;
    for (int y = 0; y < left.height(); ++y)
      for (int x = 0; x < left.width(); ++x) EXPECT_NEAR(qRed(left.pixel(x, y)), qRed(right.pixel(x, y)), 1);
  }
}

TEST(SliceImage, AnotherGridIsLaidOverByItsHeader) {
  ScanScene scene;
  scene.setBase(volume_of({20, 20, 20}, {1, 1, 1}, [](auto, auto, auto) { return 0; }), "T1");
  // Twice the voxel size, origin 4 mm to the left: its voxel (3, 2, 1) covers 9.5..11.5 mm along x.
  auto other =
      volume_of({6, 6, 6}, {2, 2, 2}, [](auto i, auto j, auto k) { return i == 3 && j == 2 && k == 1 ? 100 : 0; });
  other->grid.geometry.origin_mm = {4, 0, 0};
  scene.addSequence(other, "FLAIR");
  const auto& layer = scene.sequences()[1];
  EXPECT_FALSE(layer.place.same_grid);
  const std::vector<float> values = slice_values(*other, layer.place, scene.frame(Plane::kAxial), 2);
  EXPECT_FLOAT_EQ(values[4 * 20 + 10], 100) << "its centre: x 10, y 4, z 2 mm";
  EXPECT_FLOAT_EQ(values[4 * 20 + 9], 50) << "half way to the next centre";
  EXPECT_TRUE(std::isnan(values[4 * 20 + 2])) << "outside of it";
  EXPECT_EQ(value_at(*other, layer.place, {10, 4, 2}), 100);
  EXPECT_FALSE(value_at(*other, layer.place, {1, 4, 2}));
  scene.setWindow(1, {0, 100});
  scene.setOpacity(1, 0.5);
  EXPECT_NEAR(qRed(slice_images(scene, Plane::kAxial, 2).grey.pixel(10, 4)), 128, 1);
  scene.setSequenceVisible(1, false);
  EXPECT_EQ(qRed(slice_images(scene, Plane::kAxial, 2).grey.pixel(10, 4)), 0);
}

TEST(SliceImage, LabelsAreFilledAndOutlined) {
  ScanScene scene;
  scene.setBase(volume_of({10, 10, 10}, {1, 1, 1}, [](auto, auto, auto) { return 50; }), "T1");
  scene.setSegmentation(test::boxes({10, 10, 10}, {{{2, 3, 4}, {5, 5, 6}}}));
  const SliceImages images = slice_images(scene, Plane::kAxial, 4);
  ASSERT_FALSE(images.labels.isNull());
  EXPECT_EQ(images.labels_at, QPoint(2, 3));
  EXPECT_EQ(images.labels.size(), QSize(3, 2)) << "no more than there is";
  EXPECT_EQ(qAlpha(images.labels.pixel(0, 0)), qRound(0.35 * 255));
  ASSERT_EQ(images.outlines.size(), 1u);
  double length = 0;
  for (const QLineF& line : images.outlines[0].lines) length += line.length();
  EXPECT_DOUBLE_EQ(length, 10) << "about 3 x 2 voxels";
  EXPECT_EQ(images.outlines[0].lines.size(), 4u) << "one line a side";
  scene.setLabelVisible(1, false);
  EXPECT_TRUE(slice_images(scene, Plane::kAxial, 4).outlines.empty());
  scene.setLabelVisible(1, true);
  scene.setOverlaysShown(false);
  EXPECT_TRUE(slice_images(scene, Plane::kAxial, 4).labels.isNull());
}

TEST(SliceImage, LabelsLieWhereTheirVoxelsAreInEveryPlane) {
  ScanScene scene;
  scene.setBase(volume_of({10, 12, 14}, {1, 1, 1}, [](auto, auto, auto) { return 50; }), "T1");
  scene.setSegmentation(test::boxes({10, 12, 14}, {{{2, 3, 4}, {5, 5, 6}}, {{8, 9, 12}, {9, 10, 13}}}));
  for (const Convention convention : {Convention::kRadiological, Convention::kNeurological}) {
    scene.setConvention(convention);
    for (const Plane plane : kPlanes) {
      const SliceFrame frame = scene.frame(plane);
      const pipeline::ViewIndex at{3, 4, 5};
      const std::int64_t slice = at[frame.across()];
      const SliceImages images = slice_images(scene, plane, slice);
      ASSERT_FALSE(images.labels.isNull());
      for (int v = 0; v < frame.height(); ++v)
        for (int u = 0; u < frame.width(); ++u) {
          const QPoint p = QPoint(u, v) - images.labels_at;
          const bool drawn = images.labels.valid(p) && qAlpha(images.labels.pixel(p)) > 0;
          ASSERT_EQ(drawn, scene.labelAt(frame.voxel(u, v, slice)) != 0) << u << " " << v;
        }
      EXPECT_TRUE(slice_images(scene, plane, 7).labels.isNull()) << "between the lesions";
    }
  }
}

TEST(SliceImage, TheSelectedLesionIsDrawnApart) {
  ScanScene scene;
  scene.setBase(volume_of({12, 12, 12}, {1, 1, 1}, [](auto, auto, auto) { return 50; }), "T1");
  scene.setSegmentation(test::boxes({12, 12, 12}, {{{1, 1, 5}, {4, 4, 7}}, {{7, 7, 5}, {9, 9, 7}}}));
  scene.selectLesion(1);
  const SliceImages images = slice_images(scene, Plane::kAxial, 5);
  ASSERT_EQ(images.outlines.size(), 2u);
  EXPECT_FALSE(images.outlines[0].selected);
  EXPECT_TRUE(images.outlines[1].selected);
  EXPECT_EQ(images.outlines[1].lines[0].x1(), 7);
}

TEST(SliceImage, TheOverlayStartsAtItsLowerEnd) {
  ScanScene scene;
  scene.setBase(volume_of({10, 4, 4}, {1, 1, 1}, [](auto, auto, auto) { return 0; }), "T1");
  auto probability = volume_of({10, 4, 4}, {1, 1, 1}, [](auto i, auto, auto) { return static_cast<int>(i); });
  probability->scale = 1 / 9.0, probability->greatest = 1;
  scene.setOverlay(probability, "probability");
  EXPECT_EQ(scene.overlay().high, 1) << "probabilities keep a fixed scale";
  scene.setOverlayOpacity(1);
  const QImage image = slice_images(scene, Plane::kAxial, 0).grey;
  EXPECT_EQ(image.pixel(0, 0), qRgb(0, 0, 0)) << "0 is not drawn";
  const auto viridis = pipeline::colour_table("viridis");
  EXPECT_EQ(image.pixel(9, 0) & 0xFFFFFF, viridis[255]);
}

}  // namespace
}  // namespace fovea::gui
