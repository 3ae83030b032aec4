// Volumes: geometry, round trips, and the traps of DICOM series made from a real one.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/base/error.h>
#include <fovea/io/volume.h>

#include "shared.h"

namespace {

namespace fs = std::filesystem;
using namespace fovea;
using testing::HasSubstr;

fs::path mri(const std::string& name) {
  return test::shared_dir() / "data/mri" / name;
}

io::Volume oblique() {
  io::Volume volume;
  const double c = std::cos(0.3), s = std::sin(0.3);
  volume.geometry = {{5, 4, 3}, {0.7, 0.9, 3.5}, {-12.25, 33.5, 7.125}, {c, -s, 0, s, c, 0, 0, 0, 1}};
  for (int i = 0; i < 60; ++i) volume.values.push_back(static_cast<float>(i * i % 17) - 3.5f);
  return volume;
}

void expect_same_place(const io::Geometry& a, const io::Geometry& b) {
  EXPECT_EQ(a.size, b.size);
  for (double i : {0.0, 1.0})
    for (double j : {0.0, 1.0})
      for (double k : {0.0, 1.0}) {
        const std::array<double, 3> corner{i * static_cast<double>(a.size[0] - 1),
                                           j * static_cast<double>(a.size[1] - 1),
                                           k * static_cast<double>(a.size[2] - 1)};
        for (int axis = 0; axis < 3; ++axis) EXPECT_NEAR(a.point_lps(corner)[axis], b.point_lps(corner)[axis], 1e-3);
      }
}

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_FALSE(error.remedy().empty()) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return {};
}

TEST(Geometry, PointsAndVolumesOfAnObliqueGrid) {
  const io::Geometry g = oblique().geometry;
  EXPECT_NEAR(g.voxel_ml(), 0.7 * 0.9 * 3.5 / 1000, 1e-12);
  EXPECT_NEAR(g.point_lps({1, 0, 0})[0], -12.25 + 0.7 * std::cos(0.3), 1e-12);
  EXPECT_NEAR(g.point_lps({0, 0, 2})[2], 7.125 + 7, 1e-12);
}

TEST(Volume, RoundTripsKeepValuesAndPlace) {
  test::TemporaryFolder folder;
  const io::Volume volume = oblique();
  for (const char* name : {"a.nii.gz", "a.nii", "a.nrrd"}) {
    io::write_volume(folder / name, volume);
    const io::Volume back = io::read_volume(folder / name);
    EXPECT_EQ(back.values, volume.values) << name;
    expect_same_place(back.geometry, volume.geometry);
    EXPECT_EQ(back.content_hash.size(), 64u);
  }
}

TEST(Volume, NumbersDoNotDependOnTheLocale) {
  const char* german = nullptr;
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"})
    if (!german) german = std::setlocale(LC_ALL, name);
  if (!german) GTEST_SKIP() << "no locale with a decimal comma is installed";
  test::TemporaryFolder folder;
  io::write_volume(folder / "a.nrrd", oblique());
  expect_same_place(io::read_volume(folder / "a.nrrd").geometry, oblique().geometry);
  std::setlocale(LC_ALL, "C");
}

TEST(Volume, VoxelsThatAreNoNumbersAreZeroedAndCounted) {
  test::TemporaryFolder folder;
  io::Volume volume = oblique();
  volume.values[3] = NAN;
  volume.values[9] = INFINITY;
  io::write_volume(folder / "nan.nii.gz", volume);
  const io::Volume back = io::read_volume(folder / "nan.nii.gz");
  EXPECT_EQ(back.values[3], 0);
  EXPECT_EQ(back.values[9], 0);
  EXPECT_THAT(back.notices, testing::Contains(HasSubstr("2 voxels")));
}

TEST(Volume, TruncatedNiftiIsRefusedAtEveryLength) {
  test::TemporaryFolder folder;
  for (const char* name : {"a.nii.gz", "a.nii"}) {
    io::write_volume(folder / name, oblique());
    const auto size = fs::file_size(folder / name);
    for (std::uintmax_t cut = 0; cut < size; cut += std::max<std::uintmax_t>(1, size / 19)) {
      fs::copy_file(folder / name, folder / ("cut" + std::string(name)), fs::copy_options::overwrite_existing);
      fs::resize_file(folder / ("cut" + std::string(name)), cut);
      refusal([&] { io::read_volume(folder / ("cut" + std::string(name))); });
    }
  }
}

TEST(Volume, AHeaderThatPromisesTooMuchIsRefusedBeforeAllocation) {
  test::TemporaryFolder folder;
  io::write_volume(folder / "big.nii", oblique());
  std::fstream file(folder / "big.nii", std::ios::in | std::ios::out | std::ios::binary);
  const std::int16_t extent = 32000;
  for (int axis = 1; axis <= 3; ++axis) {
    file.seekp(40 + 2 * axis);
    file.write(reinterpret_cast<const char*>(&extent), 2);
  }
  file.close();
  EXPECT_THAT(refusal([&] { io::read_volume(folder / "big.nii"); }), HasSubstr("memory"));
}

TEST(Volume, DisagreeingOrientationsAreNoticed) {
  test::TemporaryFolder folder;
  io::write_volume(folder / "q.nii", oblique());
  std::fstream file(folder / "q.nii", std::ios::in | std::ios::out | std::ios::binary);
  const float shifted = 99;
  file.seekp(268);
  file.write(reinterpret_cast<const char*>(&shifted), 4);  // qoffset_x
  file.close();
  EXPECT_THAT(io::read_volume(folder / "q.nii").notices, testing::Contains(HasSubstr("qform, sform")));
}

TEST(Nrrd, AHeaderThatPointsElsewhereIsRefused) {
  test::TemporaryFolder folder;
  for (const char* data : {"/etc/passwd", "../x.raw", "LIST"}) {
    std::ofstream(folder / "a.nhdr")
        << "NRRD0004\ntype: float\ndimension: 3\nsizes: 2 2 2\nencoding: raw\nendian: little\ndata file: " << data
        << "\n\n";
    EXPECT_THAT(refusal([&] { io::read_volume(folder / "a.nhdr"); }), HasSubstr("outside"));
  }
}

TEST(SegNrrd, HoldsSlicersKeysAndAnEmptyMaskIsTheFullGrid) {
  test::TemporaryFolder folder;
  io::LabelVolume labels{oblique().geometry, std::vector<std::uint8_t>(60, 0)};
  labels.values[1 + 5 * (2 + 4 * 1)] = 1;
  io::write_seg_nrrd(folder / "a.seg.nrrd", labels, {{"Segment_1", "Tumour", {0.9, 0.3, 0.2}, 1, "ctx~a^b^c"}});
  std::ifstream stream(folder / "a.seg.nrrd", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  for (const char* key :
       {"Segment0_ID:=Segment_1", "Segment0_Name:=Tumour", "Segment0_Extent:=1 1 2 2 1 1", "Segment0_LabelValue:=1",
        "Segment0_Layer:=0", "Segment0_Color:=0.900 0.300 0.200", "Segmentation_MasterRepresentation:=Binary labelmap",
        "Segment0_Tags:=TerminologyEntry:ctx~a^b^c|"})
    EXPECT_THAT(text, HasSubstr(key));
  labels.values.assign(60, 0);
  io::write_seg_nrrd(folder / "b.seg.nrrd", labels, {{"Segment_1", "Tumour"}});
  EXPECT_EQ(io::read_volume(folder / "b.seg.nrrd").geometry.size, labels.geometry.size);
}

// --- DICOM ---

class Dicom : public testing::Test {
 protected:
  void SetUp() override {
    FOVEA_NEEDS_SHARED("data/mri/t1-dicom");
    for (const auto& entry : fs::directory_iterator(mri("t1-dicom"))) files_.push_back(entry.path());
    std::sort(files_.begin(), files_.end());
  }
  /// A series without the slices that `drop` names.
  void copy(std::initializer_list<std::size_t> drop = {}) {
    for (std::size_t i = 0; i < files_.size(); ++i)
      if (std::find(drop.begin(), drop.end(), i) == drop.end())
        fs::copy_file(files_[i], folder_ / files_[i].filename().string());
  }
  std::vector<fs::path> files_;
  test::TemporaryFolder folder_;
};

TEST_F(Dicom, GeometryComesFromPositionsAlone) {
  const io::Volume volume = io::read_volume(mri("t1-dicom"));
  EXPECT_EQ(volume.geometry.size, (std::array<std::int64_t, 3>{274, 384, 64}));
  EXPECT_NEAR(volume.geometry.spacing_mm[0], 0.69999, 1e-4);
  EXPECT_NEAR(volume.geometry.spacing_mm[1], 0.66667, 1e-4);
  EXPECT_NEAR(volume.geometry.spacing_mm[2], 4.0, 1e-4);
  EXPECT_NEAR(volume.geometry.origin_mm[0], -91.450, 1e-2);
  EXPECT_NEAR(volume.geometry.direction[5], 0.1289, 1e-4);
  EXPECT_TRUE(volume.notices.empty());
}

TEST_F(Dicom, MissingSlicesAreRefusedAndNamedAndCanBeInterpolated) {
  copy({20, 21});
  EXPECT_THAT(refusal([&] { io::read_volume(folder_.path()); }),
              testing::AllOf(HasSubstr("about 2 slice(s) are missing"), HasSubstr("12.00 mm")));
  io::VolumeReadOptions options;
  options.accept_irregular_slices = true;
  const io::Volume volume = io::read_volume(folder_.path(), options);
  EXPECT_EQ(volume.geometry.size[2], 64);
  EXPECT_NEAR(volume.geometry.spacing_mm[2], 4.0, 1e-3);
  EXPECT_THAT(volume.notices, testing::Contains(HasSubstr("interpolated")));
}

TEST_F(Dicom, ADoubledSliceIsDroppedAndSaid) {
  copy();
  fs::copy_file(files_[30], folder_ / "copy.dcm");
  const io::Volume volume = io::read_volume(folder_.path());
  EXPECT_EQ(volume.geometry.size[2], 64);
  EXPECT_THAT(volume.notices, testing::Contains(HasSubstr("1 duplicate slice was dropped")));
}

TEST_F(Dicom, OneFileStandsForItsSeriesAndOneSliceIsNoVolume) {
  EXPECT_EQ(io::read_volume(files_[5]).geometry.size[2], 64);
  fs::copy_file(files_[0], folder_ / "one.dcm");
  EXPECT_THAT(refusal([&] { io::read_volume(folder_ / "one.dcm"); }), HasSubstr("2-D slice"));
}

TEST_F(Dicom, OfSeveralSeriesThePlausibleOneIsTakenAndTheChoiceSaid) {
  copy();
  // A localiser: three slices of another series.
  for (std::size_t i : {std::size_t{5}, std::size_t{30}, std::size_t{55}}) {
    std::ifstream stream(files_[i], std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    const auto replace = [&](const std::string& from, const std::string& to) {
      ASSERT_EQ(from.size(), to.size());
      for (auto at = bytes.find(from); at != std::string::npos; at = bytes.find(from, at + 1))
        bytes.replace(at, from.size(), to);
    };
    replace("515404396022363061013111326823367652", "515404396022363061013111326823367653");
    replace("anat-T1w", "scout-1 ");
    std::ofstream(folder_ / ("scout" + std::to_string(i) + ".dcm"), std::ios::binary) << bytes;
  }
  const io::Volume volume = io::read_volume(folder_.path());
  EXPECT_EQ(volume.geometry.size[2], 64);
  ASSERT_FALSE(volume.notices.empty());
  EXPECT_THAT(volume.notices[0], HasSubstr("MR 'anat-T1w' 274 x 384 x 64 of 0.70 x 0.67 x 4.00 mm"));
  EXPECT_THAT(volume.notices[0], HasSubstr("'scout-1' 274 x 384 x 3 of"));
  const std::vector<io::SeriesInfo> listed = io::list_series(folder_.path());
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_NEAR(listed[0].geometry.spacing_mm[2], 4, 1e-3);
}

TEST_F(Dicom, MosaicsAreNamed) {
  EXPECT_THAT(refusal([&] { io::read_volume(mri("dicom-odd")); }), HasSubstr("mosaic"));
  EXPECT_THAT(refusal([&] { io::read_volume(mri("dicom-odd/siemens-mosaic-jpeg-lossless.dcm")); }),
              HasSubstr("mosaic"));
}

TEST_F(Dicom, CompressedSeriesReadTheSame) {
  if (std::system("command -v gdcmconv >/dev/null") != 0) GTEST_SKIP() << "needs gdcmconv (libgdcm-tools)";
  for (std::size_t i = 0; i < 10; ++i)
    ASSERT_EQ(std::system(("gdcmconv --jpeg '" + files_[i].string() + "' '" +
                           (folder_ / (std::to_string(i) + ".dcm")).string() + "' >/dev/null 2>&1")
                              .c_str()),
              0);
  const io::Volume compressed = io::read_volume(folder_.path()), whole = io::read_volume(mri("t1-dicom"));
  ASSERT_EQ(compressed.geometry.size[2], 10);
  const auto slice = static_cast<std::size_t>(274 * 384);
  EXPECT_TRUE(std::equal(compressed.values.begin(), compressed.values.begin() + static_cast<std::ptrdiff_t>(slice),
                         whole.values.begin()) ||
              std::equal(compressed.values.begin(), compressed.values.begin() + static_cast<std::ptrdiff_t>(slice),
                         whole.values.end() - static_cast<std::ptrdiff_t>(10 * slice)));
}

TEST_F(Dicom, SurvivesNiftiAndNrrdInPlace) {
  const io::Volume volume = io::read_volume(mri("t1-dicom"));
  for (const char* name : {"a.nii.gz", "a.nrrd"}) {
    io::write_volume(folder_ / name, volume);
    expect_same_place(io::read_volume(folder_ / name).geometry, volume.geometry);
  }
}

TEST(Nifti, RealVolumesHaveTheirKnownPlace) {
  FOVEA_NEEDS_SHARED("data/mri/ms-patient07/lesions.nii.gz");
  const io::Volume lesions = io::read_volume(mri("ms-patient07/lesions.nii.gz"));
  double sum = 0;
  for (float value : lesions.values) sum += value;
  EXPECT_NEAR(sum * lesions.geometry.voxel_ml(), 1.300, 1e-3);
  EXPECT_EQ(lesions.geometry.direction[4], -1);
}

}  // namespace
