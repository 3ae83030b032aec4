// Several modalities: their names, units and grids; what is absent; series of a study.
#include "mri/modalities.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "mri/diffusion.h"
#include "mri/segment_inputs.h"
#include "mri/study.h"
#include "mri_head_support.h"

namespace fovea::pipeline::mri {
namespace {

const std::vector<std::string> kThrombus{"swan", "dwi", "adc", "flair"};
const io::Geometry kGrid = centred_grid({60, 72, 30}, {3, 3, 5});

/// Grey matter 800, fluid 2800: in 1e-6 mm2/s. Skin and skull hardly diffuse.
constexpr Contrast kAdc{300, 50, 850, 750, 2800}, kDwi{40, 5, 260, 210, 60};

TEST(Modalities, AreKnownByTheirUsualNames) {
  EXPECT_EQ(modality_name("SWI", kThrombus), "swan");
  EXPECT_EQ(modality_name("T2*", kThrombus), "swan");
  EXPECT_EQ(modality_name("FLAIR", kThrombus), "flair");
  EXPECT_EQ(modality_name("t1c", {"t1", "t1ce"}), "t1ce");
  try {
    modality_name("pet", kThrombus);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_NE(std::string(error.what()).find("swan, dwi, adc, flair"), std::string::npos);
  }
}

TEST(Modalities, AdcFollowsDwiAndTheReferenceIsTheFirstThatIsThere) {
  const io::Geometry slab = centred_grid({48, 48, 32}, {4, 4, 5});
  const Affine move = rigid_move({2, 0, -3}, {5, -3, 4});
  const AlignedModalities aligned = align_modalities({{"adc", moved(drawn_head(slab, kAdc), move)},
                                                      {"dwi", moved(drawn_head(slab, kDwi), move)},
                                                      {"swan", drawn_head(kGrid, kT2)}},
                                                     kThrombus, Alignment::kRegister);
  ASSERT_EQ(aligned.modalities.size(), 4U);
  EXPECT_EQ(aligned.reference, 0U);
  EXPECT_EQ(aligned.modalities[0].alignment, "reference");
  EXPECT_EQ(aligned.modalities[1].alignment, "registered");
  EXPECT_EQ(aligned.modalities[2].alignment, "as dwi");
  EXPECT_FALSE(aligned.modalities[3].present);
  EXPECT_EQ(aligned.modalities[3].problem, "not given");
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(aligned.volumes[i].geometry.size, kGrid.size);
  EXPECT_TRUE(aligned.volumes[3].values.empty());
  // The head's fluid lies where it was drawn.
  const io::Volume drawn = drawn_head(kGrid, kAdc, 0);
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < drawn.values.size(); ++i)
    if (drawn.values[i] == kAdc[4]) sum += aligned.volumes[2].values[i], ++count;
  EXPECT_GT(sum / count, 1400);
}

TEST(Modalities, OfOneGridAreTakenAsTheyLie) {
  const io::Volume swan = drawn_head(kGrid, kT2), flair = drawn_head(kGrid, kT1);
  const AlignedModalities aligned =
      align_modalities({{"flair", flair}, {"swan", swan}}, kThrombus, Alignment::kRegister);
  EXPECT_EQ(aligned.modalities[3].alignment, "same grid");
  EXPECT_EQ(aligned.volumes[3].values, flair.values);
}

TEST(Modalities, OneThatCannotBeRegisteredIsMissing) {
  const io::Volume far = moved(drawn_head(centred_grid({48, 48, 32}, {4, 4, 5}), kT1), rigid_move({}, {70, 0, 0}));
  const AlignedModalities aligned =
      align_modalities({{"swan", drawn_head(kGrid, kT2)}, {"flair", far}}, kThrombus, Alignment::kRegister);
  EXPECT_FALSE(aligned.modalities[3].present);
  EXPECT_TRUE(aligned.volumes[3].values.empty());
  ASSERT_EQ(aligned.notices.size(), 1U);
  EXPECT_EQ(aligned.notices[0].find("flair is treated as missing (registration to swan failed"), 0U)
      << aligned.notices[0];
}

TEST(Modalities, AdcInOtherUnitsIsBroughtTo1e6) {
  for (const double unit : {1e-6, 1e-3}) {
    io::Volume adc = drawn_head(kGrid, kAdc);
    for (float& v : adc.values) v = static_cast<float>(v * unit);
    std::string notice;
    scale_adc(adc, notice);
    EXPECT_NE(notice.find("1e-6 mm2/s"), std::string::npos) << notice;
    EXPECT_NEAR(diffusion_values(adc).median, 750, 110);
  }
  io::Volume usual = drawn_head(kGrid, kAdc);
  std::string notice;
  scale_adc(usual, notice);
  EXPECT_EQ(notice, "");
  io::Volume other = drawn_head(kGrid, kDwi);
  scale_adc(other, notice);
  EXPECT_NE(notice.find("no usual diffusion coefficients"), std::string::npos);
}

TEST(Modalities, SwappedDiffusionIsRefused) {
  const io::Volume dwi = drawn_head(kGrid, kDwi), adc = drawn_head(kGrid, kAdc);
  EXPECT_NO_THROW(refuse_swapped(dwi, adc));
  try {
    refuse_swapped(adc, dwi);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("swapped"), std::string::npos);
  }
}

TEST(Modalities, TheFigureOfThePatternIsSaid) {
  const std::vector<Modality> some{{.name = "swan", .present = true}, {.name = "dwi", .problem = "not given"}};
  const std::string known = availability_notice(
      {{"fovea.availability", R"({"swan": {"detection_rate": 0.81, "cases": 40}, "swan+dwi": {"dice": 0.6}})"}}, some);
  EXPECT_EQ(known, "dwi is missing: with swan alone the model's validation gave cases 40, detection rate 0.81");
  EXPECT_NE(availability_notice({}, some).find("no validated figure"), std::string::npos);
  EXPECT_NE(availability_notice({{"fovea.availability", "nonsense"}}, some).find("no validated figure"),
            std::string::npos);
  EXPECT_EQ(availability_notice({}, {{.name = "swan", .present = true}}), "");
}

TEST(Modalities, FilesByName) {
  std::vector<std::string> problems;
  const auto files = modality_files({"swan=a", "b.nii", "dwi=/x/c=d.nii"}, problems);
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].path, "a,b.nii") << "a comma of a file name came apart";
  EXPECT_EQ(files[1].path, "/x/c=d.nii");
  EXPECT_TRUE(problems.empty());
  modality_files({"a.nii"}, problems);
  EXPECT_EQ(problems.size(), 1U);
}

TEST(Modalities, SeriesOfAStudyByTheirDescriptions) {
  EXPECT_TRUE(names_modality("Ax SWI 3D", "swan"));
  EXPECT_FALSE(names_modality("SWI_Phase", "swan"));
  EXPECT_TRUE(names_modality("ep2d_diff_3scan_trace_b1000", "dwi"));
  EXPECT_TRUE(names_modality("ep2d_diff_3scan_trace_ADC", "adc"));
  EXPECT_FALSE(names_modality("ep2d_diff_3scan_trace_ADC", "dwi"));
  EXPECT_TRUE(names_modality("t2_tirm_tra_dark-fluid FLAIR", "flair"));
  EXPECT_TRUE(names_modality("T1 mprage", "t1"));
  EXPECT_FALSE(names_modality("T1 mprage +C", "t1"));
}

TEST(Inputs, ALabelMapIsNoScan) {
  io::Volume volume{centred_grid({4, 4, 4}, {1, 1, 1}), std::vector<float>(64, 0)};
  EXPECT_FALSE(looks_like_labels(volume)) << "a constant volume has a sentence of its own";
  volume.values[3] = 1, volume.values[9] = 4;
  EXPECT_TRUE(looks_like_labels(volume));
  volume.values[5] = 0.5;
  EXPECT_FALSE(looks_like_labels(volume));
}

}  // namespace
}  // namespace fovea::pipeline::mri
