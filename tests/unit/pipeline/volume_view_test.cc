// Volumes and results as a viewer gets them: orientation, values, lesions.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include <fovea/base/error.h>
#include <fovea/pipeline/volume_view.h>
#include <fovea/pipeline/colour_table.h>

#include "shared.h"

namespace fovea::pipeline {
namespace {

using test::TemporaryFolder;

std::array<double, 9> turned_about_z(double degrees, const std::array<double, 9>& m) {
  const double c = std::cos(degrees * M_PI / 180), s = std::sin(degrees * M_PI / 180);
  std::array<double, 9> out{};
  for (std::size_t j = 0; j < 3; ++j)
    out[j] = c * m[j] - s * m[3 + j], out[3 + j] = s * m[j] + c * m[3 + j], out[6 + j] = m[6 + j];
  return out;
}

/// File index (1, 3, 5) of 4 x 6 x 9 is 77, all else 0.
io::Volume marked(const std::array<double, 9>& direction) {
  io::Volume volume;
  volume.geometry = {{4, 6, 9}, {0.7, 0.9, 4}, {-11, 23, 37}, direction};
  volume.values.assign(4 * 6 * 9, 0);
  volume.values[(5 * 6 + 3) * 4 + 1] = 77;
  return volume;
}

class Orientation : public testing::TestWithParam<std::array<double, 9>> {};

TEST_P(Orientation, TheMarkedVoxelStaysWhereItIsInSpace) {
  for (const double degrees : {0.0, 7.8, -17.0, 40.0}) {
    const io::Volume file = marked(turned_about_z(degrees, GetParam()));
    TemporaryFolder folder;
    io::write_volume(folder / "v.nrrd", file);
    const ViewVolume view = load_view_volume(folder / "v.nrrd");
    const io::Geometry& g = view.grid.geometry;
    int found = 0;
    for (std::int64_t k = 0; k < g.size[2]; ++k)
      for (std::int64_t j = 0; j < g.size[1]; ++j)
        for (std::int64_t i = 0; i < g.size[0]; ++i)
          if (view.value({i, j, k}) == 77) {
            ++found;
            const auto p = g.point_lps({double(i), double(j), double(k)}), q = file.geometry.point_lps({1, 3, 5});
            for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(p[a], q[a], 1e-4);
            EXPECT_EQ(view.grid.file_index({i, j, k}), (ViewIndex{1, 3, 5}));
          }
    EXPECT_EQ(found, 1);
    // Each display axis runs to left, posterior, superior: none of the other assignments fits better.
    double fit = 0;
    for (std::size_t a = 0; a < 3; ++a) fit += g.direction[4 * a];
    EXPECT_GT(fit, 2.5);
    EXPECT_NEAR(g.voxel_ml(), file.geometry.voxel_ml(), 1e-12);
  }
}

INSTANTIATE_TEST_SUITE_P(AllWays, Orientation,
                         testing::Values(std::array<double, 9>{1, 0, 0, 0, 1, 0, 0, 0, 1},     // LPS
                                         std::array<double, 9>{-1, 0, 0, 0, -1, 0, 0, 0, 1},   // RAS
                                         std::array<double, 9>{1, 0, 0, 0, -1, 0, 0, 0, 1},    // LAS, mirrored
                                         std::array<double, 9>{0, 0, 1, 1, 0, 0, 0, -1, 0},    // sagittal slices
                                         std::array<double, 9>{1, 0, 0, 0, 0, 1, 0, -1, 0}));  // coronal slices

TEST(ViewVolume, WholeNumbersAreExactInSixteenBits) {
  TemporaryFolder folder;
  io::Volume file = marked({1, 0, 0, 0, 1, 0, 0, 0, 1});
  file.values[0] = -1024, file.values[1] = 32767;
  io::write_volume(folder / "v.nii.gz", file);
  const ViewVolume view = load_view_volume(folder / "v.nii.gz");
  EXPECT_TRUE(view.floats.empty());
  EXPECT_EQ(view.bytes(), file.values.size() * 2);
  EXPECT_EQ(view.value({0, 0, 0}), -1024);
  EXPECT_EQ(view.value({1, 0, 0}), 32767);
  EXPECT_EQ(view.least, -1024);
  EXPECT_EQ(view.greatest, 32767);
}

TEST(ViewVolume, FractionsStayFloatUnlessCompact) {
  TemporaryFolder folder;
  io::Volume file = marked({1, 0, 0, 0, 1, 0, 0, 0, 1});
  for (std::size_t i = 0; i < file.values.size(); ++i) file.values[i] = static_cast<float>(std::sin(double(i)));
  io::write_volume(folder / "v.nii.gz", file);
  const ViewVolume exact = load_view_volume(folder / "v.nii.gz");
  ASSERT_EQ(exact.floats.size(), file.values.size());
  const ViewVolume compact = load_view_volume(folder / "v.nii.gz", {.compact = true});
  ASSERT_TRUE(compact.floats.empty());
  const double bound = (compact.greatest - compact.least) / 131068;
  for (std::int64_t k = 0; k < 9; ++k)
    for (std::int64_t i = 0; i < 4; ++i) EXPECT_NEAR(compact.value({i, 2, k}), exact.value({i, 2, k}), bound);
}

TEST(ViewVolume, QuantilesLeaveTheAirOut) {
  TemporaryFolder folder;
  io::Volume file = marked({1, 0, 0, 0, 1, 0, 0, 0, 1});
  for (std::size_t i = 0; i < 50; ++i) file.values[i] = static_cast<float>(100 + i);
  io::write_volume(folder / "v.nii.gz", file);
  const ViewVolume view = load_view_volume(folder / "v.nii.gz");
  EXPECT_EQ(view.quantile(0), 77);
  EXPECT_EQ(view.quantile(100), 149);
  EXPECT_NEAR(view.quantile(50), 124, 1);
}

TEST(ViewVolume, MemoryBoundAndCancelAreHeeded) {
  TemporaryFolder folder;
  io::write_volume(folder / "v.nii.gz", marked({1, 0, 0, 0, 1, 0, 0, 0, 1}));
  ViewReadOptions tight;
  tight.reading.max_bytes = 100;
  EXPECT_THROW(load_view_volume(folder / "v.nii.gz", tight), Error);
  std::stop_source stop;
  stop.request_stop();
  try {
    load_view_volume(folder / "v.nii.gz", {}, stop.get_token());
    FAIL() << "not cancelled";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
}

TEST(IndexMap, LeadsFromOneGridToAnotherThroughSpace) {
  const io::Geometry a{{8, 8, 8}, {1, 1, 2}, {3, -4, 5}, turned_about_z(20, {1, 0, 0, 0, 1, 0, 0, 0, 1})};
  const io::Geometry b{{8, 8, 8}, {0.5, 0.5, 0.5}, {0, 0, 0}, {1, 0, 0, 0, 1, 0, 0, 0, 1}};
  const ViewPoint there = index_from_index(b, a)({2, 3, 4});
  const auto p = a.point_lps({2, 3, 4}), q = b.point_lps(there);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(p[i], q[i], 1e-9);
  const ViewPoint back = index_from_lps(a)(p);
  EXPECT_NEAR(back[2], 4, 1e-9);
  EXPECT_TRUE(same_view_grid(a, a));
  EXPECT_FALSE(same_view_grid(a, b));
}

/// RAS file with two parts of label 1 and one of label 2.
class SegmentationFolder : public testing::Test {
 protected:
  SegmentationFolder() {
    labels_.geometry = {{10, 10, 10}, {1, 1, 3}, {0, 0, 0}, {-1, 0, 0, 0, -1, 0, 0, 0, 1}};
    labels_.values.assign(1000, 0);
    box({1, 1, 1}, {4, 4, 3}, 1), box({7, 7, 7}, {8, 9, 8}, 1), box({1, 7, 5}, {3, 9, 6}, 2);
    io::write_label_map(folder_ / "segmentation.nii.gz", labels_);
  }
  void box(ViewIndex begin, ViewIndex end, std::uint8_t label) {
    for (std::int64_t k = begin[2]; k < end[2]; ++k)
      for (std::int64_t j = begin[1]; j < end[1]; ++j)
        for (std::int64_t i = begin[0]; i < end[0]; ++i)
          labels_.values[static_cast<std::size_t>((k * 10 + j) * 10 + i)] = label;
  }
  void report(const std::string& text) { std::ofstream(folder_ / "report.json") << text; }

  io::LabelVolume labels_;
  TemporaryFolder folder_;
};

TEST_F(SegmentationFolder, PartsAreMeasuredWithoutAReport) {
  const ViewSegmentation view = load_view_segmentation(folder_ / "segmentation.nii.gz");
  ASSERT_EQ(view.lesions.size(), 3u);
  EXPECT_FALSE(view.from_report);
  EXPECT_NEAR(view.lesions[0].volume_ml, 18 * 0.003, 1e-9);
  EXPECT_EQ(view.lesions[0].voxels.size(), 18u);
  EXPECT_FALSE(view.lesions[0].max_probability);
  EXPECT_EQ(view.lesions[1].name, "label 2");
  // The file's voxel (2, 2, 1) is the display's (7, 7, 1).
  EXPECT_EQ(view.lesion_at({7, 7, 1}), 0);
  EXPECT_EQ(view.lesion_at({0, 0, 0}), -1);
  EXPECT_EQ(view.lesion_at({-1, 0, 0}), -1);
  const ViewIndex anchor = view.lesions[0].anchor(view.grid);
  EXPECT_EQ(view.lesion_at(anchor), 0);
}

TEST_F(SegmentationFolder, TheReportsRowsFindTheirVoxels) {
  report(
      R"({"model":{"architecture":"unet","labels":["background","tumour","oedema"]},"notices":["a notice"],"lesions":[
    {"label":1,"name":"tumour","volume_ml":0.054,"centroid_lps_mm":[-2,-2,4.5],"longest_diameter_mm":4.1,
     "longest_axial_diameter_mm":2.8,"axial_width_mm":2.8,"laterality":"right","mean_probability":0.8,
     "max_probability":0.95,"below_size_limit":false},
    {"label":2,"name":"oedema","volume_ml":0.012,"centroid_lps_mm":[-1.5,-7.5,15],"longest_diameter_mm":1.4,
     "laterality":"unknown","mean_probability":0.6,"max_probability":0.7,"below_size_limit":true},
    {"label":1,"name":"tumour","volume_ml":0.006,"centroid_lps_mm":[-7,-7.5,21],"longest_diameter_mm":1,
     "mean_probability":null,"max_probability":0.7}]})");
  io::Volume probability{labels_.geometry, std::vector<float>(1000, 0.5F)};
  io::write_volume(folder_ / "probability.nii.gz", probability);
  io::write_volume(folder_ / "gate.nii.gz", probability);
  const ViewSegmentation view = load_view_segmentation(folder_.path());
  ASSERT_EQ(view.lesions.size(), 3u);
  EXPECT_TRUE(view.from_report);
  EXPECT_EQ(view.lesions[0].laterality, "right");
  EXPECT_EQ(view.lesions[0].voxels.size(), 18u);
  EXPECT_EQ(view.lesions[1].laterality, "");
  EXPECT_TRUE(view.lesions[1].below_size_limit);
  EXPECT_EQ(view.lesions[1].voxels.size(), 4u);
  EXPECT_FALSE(view.lesions[2].mean_probability);
  EXPECT_EQ(view.model, "unet");
  EXPECT_EQ(view.notices, std::vector<std::string>{"a notice"});
  ASSERT_EQ(view.overlays.size(), 2u);
  EXPECT_EQ(view.overlays[0].first, "probability");
  EXPECT_EQ(view.overlays[1].first, "gate");
}

TEST_F(SegmentationFolder, AMaskThatWasChangedAfterwardsIsSaid) {
  report(
      R"({"lesions":[{"label":1,"name":"tumour","volume_ml":0.1,"centroid_lps_mm":[0,0,0],"longest_diameter_mm":3}]})");
  const ViewSegmentation view = load_view_segmentation(folder_.path());
  ASSERT_EQ(view.lesions.size(), 1u);
  EXPECT_TRUE(view.lesions[0].voxels.empty());
  ASSERT_EQ(view.notices.size(), 1u);
  EXPECT_NE(view.notices[0].find("differ"), std::string::npos);
  EXPECT_TRUE(view.grid.contains(view.lesions[0].anchor(view.grid)));
}

TEST_F(SegmentationFolder, DamagedReportsAndFoldersWithoutAMapAreRefused) {
  for (const char* text : {"", "[]", "{\"lesions\":[{\"label\":\"x\"}]}", "{\"lesions\":"}) {
    report(text);
    EXPECT_THROW(load_view_segmentation(folder_.path()), Error) << text;
  }
  TemporaryFolder empty;
  EXPECT_THROW(load_view_segmentation(empty.path()), Error);
  io::Volume numbers{labels_.geometry, std::vector<float>(1000, 0.5F)};
  io::write_volume(empty / "p.nii.gz", numbers);
  EXPECT_THROW(load_view_segmentation(empty / "p.nii.gz"), Error);
}

TEST(ViewSegmentation, MultipleSclerosisTruth) {
  FOVEA_NEEDS_SHARED("data/mri/ms-patient07/lesions.nii.gz");
  const ViewSegmentation view = load_view_segmentation(test::shared_dir() / "data/mri/ms-patient07/lesions.nii.gz");
  ASSERT_EQ(view.lesions.size(), 37u);
  EXPECT_NEAR(view.lesions[0].volume_ml, 0.210, 1e-3);
  EXPECT_NEAR(view.lesions[0].longest_diameter_mm, 10.2, 0.05);
  EXPECT_NEAR(view.lesions[0].centroid_lps_mm[0], 8.0, 0.05);
  EXPECT_NEAR(view.lesions[0].centroid_lps_mm[1], 24.8, 0.05);
  EXPECT_NEAR(view.lesions[0].centroid_lps_mm[2], -10.7, 0.05);
}

TEST(ViewVolume, TheObliqueDicomSeriesKeepsItsTurn) {
  FOVEA_NEEDS_SHARED("data/mri/t1-dicom");
  const ViewVolume view = load_view_volume(test::shared_dir() / "data/mri/t1-dicom");
  EXPECT_EQ(view.grid.geometry.size, (ViewIndex{274, 384, 64}));
  EXPECT_NEAR(view.grid.geometry.spacing_mm[2], 4, 1e-3);
  EXPECT_NEAR(view.grid.geometry.direction[5], 0.1289, 1e-3);
  EXPECT_TRUE(view.floats.empty()) << "whole numbers";
  EXPECT_EQ(view.modality, "MR");
}

TEST(ViewGrowth, IsReadBack) {
  TemporaryFolder folder;
  std::ofstream(folder / "growth.json") << R"({"fovea_growth":1,"days":184,"total":null,"lesions":[],"notices":["n"]})";
  const ViewGrowth growth = load_view_growth(folder.path());
  EXPECT_EQ(growth.days, 184);
  EXPECT_FALSE(growth.total);
  EXPECT_EQ(growth.notices.size(), 1u);
  std::ofstream(folder / "growth.json") << R"({"days":184})";
  EXPECT_THROW(load_view_growth(folder.path()), Error);
  EXPECT_THROW(load_view_growth(folder / "none.json"), Error);
}

TEST(ColourTable, IsTheLibrarysOwn) {
  const auto viridis = colour_table("viridis");
  EXPECT_EQ(viridis[0], 0x440154u);
  EXPECT_THROW(colour_table("rainbow"), Error);
  EXPECT_EQ(label_colour(1), 0xEB5438u);
  EXPECT_EQ(label_colour(6), label_colour(1));
}

}  // namespace
}  // namespace fovea::pipeline
