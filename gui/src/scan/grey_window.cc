#include "scan/grey_window.h"

#include <QCoreApplication>

#include <algorithm>

namespace fovea::gui {
namespace {

struct Text {
  Q_DECLARE_TR_FUNCTIONS(GreyWindow)
};

/// The range that counts for steps: the greatest value alone may be one hot voxel.
double central_range(const pipeline::ViewVolume& volume) {
  const double range = volume.quantile(99.5) - volume.quantile(0.5);
  return range > 0 ? range : std::max(volume.greatest - volume.least, 1e-6);
}

GreyWindow between(const pipeline::ViewVolume& volume, double low_per_cent, double high_per_cent) {
  GreyWindow window{volume.quantile(low_per_cent), volume.quantile(high_per_cent)};
  if (!(window.width() > 0)) window = {volume.least, volume.greatest};
  if (!(window.width() > 0)) window.high = window.low + 1;
  return window;
}

}  // namespace

std::vector<WindowPreset> window_presets(const pipeline::ViewVolume& volume) {
  std::vector<WindowPreset> presets;
  if (volume.modality == "CT")
    presets = {{Text::tr("Brain, W 80 L 40"), GreyWindow::of(40, 80)},
               {Text::tr("Stroke, W 40 L 40"), GreyWindow::of(40, 40)},
               {Text::tr("Subdural, W 200 L 75"), GreyWindow::of(75, 200)},
               {Text::tr("Bone, W 2800 L 600"), GreyWindow::of(600, 2800)}};
  presets.push_back({Text::tr("Automatic, 0.5–99.5 %"), between(volume, 0.5, 99.5)});
  presets.push_back({Text::tr("High contrast, 10–95 %"), between(volume, 10, 95)});
  presets.push_back({Text::tr("Dark tissue, 0–75 %"), between(volume, 0, 75)});
  presets.push_back({Text::tr("Bright lesions, 50–99.9 %"), between(volume, 50, 99.9)});
  presets.push_back({Text::tr("All values"), {volume.least, std::max(volume.greatest, volume.least + 1e-6)}});
  return presets;
}

GreyWindow dragged(const GreyWindow& start, const pipeline::ViewVolume& volume, double dx, double dy, double extent) {
  const double range = central_range(volume), step = range / std::max(extent, 1.0);
  const double width = std::max(start.width() + dx * step, range / 1000);
  return GreyWindow::of(start.level() + dy * step, width);
}

}  // namespace fovea::gui
