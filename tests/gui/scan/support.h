// Small volumes in memory and on disk, and the one QApplication of a test program.
#pragma once

#include <QApplication>
#include <QElapsedTimer>
#include <QTest>

#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include <fovea/pipeline/volume_view.h>

namespace fovea::test {

inline QApplication& application() {
  static int argc = 1;
  static char name[] = "fovea";
  static char* argv[] = {name, nullptr};
  qputenv("QT_QPA_PLATFORM", "offscreen");
  static auto* application = new QApplication(argc, argv);  // never ended: Qt's own statics go before ours
  return *application;
}

class WidgetTest : public testing::Test {
 protected:
  WidgetTest() { application(); }
};

/// Runs the event loop until it is true; false after 30 s, which only a hang takes.
inline bool wait_until(const std::function<bool()>& condition) {
  return QTest::qWaitFor(condition, 30000);
}

/// A display volume of whole numbers: `value(i, j, k)`.
inline std::shared_ptr<pipeline::ViewVolume> volume_of(
    const std::array<std::int64_t, 3>& size, const std::array<double, 3>& spacing_mm,
    const std::function<int(std::int64_t, std::int64_t, std::int64_t)>& value) {
  auto volume = std::make_shared<pipeline::ViewVolume>();
  volume->grid.geometry.size = size, volume->grid.geometry.spacing_mm = spacing_mm;
  for (std::int64_t k = 0; k < size[2]; ++k)
    for (std::int64_t j = 0; j < size[1]; ++j)
      for (std::int64_t i = 0; i < size[0]; ++i) volume->shorts.push_back(static_cast<std::int16_t>(value(i, j, k)));
  const auto [least, greatest] = std::minmax_element(volume->shorts.begin(), volume->shorts.end());
  volume->least = *least, volume->greatest = *greatest;
  for (int q = 0; q <= 1000; ++q)
    volume->quantiles.push_back(volume->least + (volume->greatest - volume->least) * q / 1000.0);
  return volume;
}

/// Boxes of label 1, one lesion each, on a grid of 1 mm.
inline std::shared_ptr<pipeline::ViewSegmentation> boxes(
    const std::array<std::int64_t, 3>& size,
    const std::vector<std::pair<pipeline::ViewIndex, pipeline::ViewIndex>>& begin_end) {
  auto segmentation = std::make_shared<pipeline::ViewSegmentation>();
  segmentation->grid.geometry.size = size;
  segmentation->labels.assign(static_cast<std::size_t>(size[0] * size[1] * size[2]), 0);
  segmentation->names = {"background", "tumour"};
  segmentation->begin = size;
  for (const auto& [begin, end] : begin_end) {
    pipeline::ViewLesion lesion;
    lesion.label = 1, lesion.name = "tumour", lesion.begin = begin, lesion.end = end;
    for (std::int64_t k = begin[2]; k < end[2]; ++k)
      for (std::int64_t j = begin[1]; j < end[1]; ++j)
        for (std::int64_t i = begin[0]; i < end[0]; ++i) {
          const std::size_t at = segmentation->grid.linear({i, j, k});
          segmentation->labels[at] = 1;
          lesion.voxels.push_back(static_cast<std::int64_t>(at));
        }
    for (std::size_t a = 0; a < 3; ++a) lesion.centroid_lps_mm[a] = static_cast<double>(begin[a] + end[a] - 1) / 2;
    for (std::size_t a = 0; a < 3; ++a) {
      segmentation->begin[a] = std::min(segmentation->begin[a], begin[a]);
      segmentation->end[a] = std::max(segmentation->end[a], end[a]);
    }
    lesion.volume_ml = static_cast<double>(lesion.voxels.size()) / 1000;
    segmentation->lesions.push_back(lesion);
  }
  return segmentation;
}

}  // namespace fovea::test
