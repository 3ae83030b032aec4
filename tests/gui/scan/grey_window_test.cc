#include <gtest/gtest.h>

#include "scan/grey_window.h"
#include "scan/number_text.h"
#include "scan/sequence_name.h"
#include "support.h"

namespace fovea::gui {
namespace {

TEST(GreyWindow, OpensAtThePercentilesOfTheVolume) {
  const auto volume =
      test::volume_of({10, 10, 10}, {1, 1, 1}, [](auto i, auto j, auto k) { return int(i + j + k) * 10; });
  const GreyWindow window = window_presets(*volume).front().window;
  EXPECT_NEAR(window.low, 0.005 * 270, 1e-9);
  EXPECT_NEAR(window.high, 0.995 * 270, 1e-9);
}

TEST(GreyWindow, CtOpensAtTheBrain) {
  auto volume = test::volume_of({4, 4, 4}, {1, 1, 1}, [](auto i, auto, auto) { return int(i) * 500 - 1000; });
  volume->modality = "CT";
  EXPECT_EQ(window_presets(*volume).front().window, GreyWindow::of(40, 80));
}

TEST(GreyWindow, AConstantVolumeHasAWidth) {
  const auto volume = test::volume_of({4, 4, 4}, {1, 1, 1}, [](auto, auto, auto) { return 7; });
  for (const WindowPreset& preset : window_presets(*volume))
    EXPECT_GT(preset.window.width(), 0) << preset.name.toStdString();
}

TEST(GreyWindow, ADragIsMeasuredByTheVolumesOwnRange) {
  const auto volume = test::volume_of({10, 10, 10}, {1, 1, 1}, [](auto i, auto, auto) { return int(i) * 100; });
  const GreyWindow start{100, 500};
  const double range = volume->quantile(99.5) - volume->quantile(0.5);
  const GreyWindow wider = dragged(start, *volume, 50, 0, 200);
  EXPECT_NEAR(wider.width(), 400 + range / 4, 1e-9);
  EXPECT_NEAR(wider.level(), 300, 1e-9);
  EXPECT_NEAR(dragged(start, *volume, 0, 100, 200).level(), 300 + range / 2, 1e-9);
  EXPECT_GT(dragged(start, *volume, -1e6, 0, 200).width(), 0) << "never turned inside out";
}

TEST(NumberText, HasNoNegativeZeroAndATrueMinus) {
  EXPECT_EQ(number_text(-0.04, 1), "0.0");
  EXPECT_EQ(number_text(-10.66, 1), QString(QChar(0x2212)) + "10.7");
}

TEST(SequenceName, TakesKnownWordsAndNothingElse) {
  EXPECT_EQ(sequence_name("/data/Doe_Jane_19700101/Doe_T1_post.nii.gz", 1), "T1 contrast");
  EXPECT_EQ(sequence_name("/x/flair.nii.gz", 1), "FLAIR");
  EXPECT_EQ(sequence_name("/x/sub-01_T2.nii", 2), "T2");
  EXPECT_EQ(sequence_name("/x/Doe_Jane.nii.gz", 3), "Sequence 3");
  EXPECT_EQ(sequence_name("/x/t1-dicom", 1), "T1");
  EXPECT_EQ(sequence_name("/x/Adcock.nii", 1), "Sequence 1") << "a name is no ADC map";
}

}  // namespace
}  // namespace fovea::gui
