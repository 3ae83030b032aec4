// Which values are black and white, and the presets that a reader expects.
#pragma once

#include <QString>

#include <vector>

#include <fovea/pipeline/volume_view.h>

namespace fovea::gui {

struct GreyWindow {
  double low = 0, high = 1;  ///< black at and below, white at and above

  double level() const { return (low + high) / 2; }
  double width() const { return high - low; }
  static GreyWindow of(double level, double width) { return {level - width / 2, level + width / 2}; }
  bool operator==(const GreyWindow&) const = default;
};

struct WindowPreset {
  QString name;
  GreyWindow window;
};
/// The first is the one a volume opens with. MRI: shares of its own voxels, as it has no units; CT: Hounsfield units.
std::vector<WindowPreset> window_presets(const pipeline::ViewVolume& volume);

/// After a drag by (dx, dy) of `extent` pixels: to the right wider, downwards darker pictures (a higher level). A full
/// extent is the volume's central range of values; the width stays above a thousandth of it.
GreyWindow dragged(const GreyWindow& start, const pipeline::ViewVolume& volume, double dx, double dy, double extent);

}  // namespace fovea::gui
