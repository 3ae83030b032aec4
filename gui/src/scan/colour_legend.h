// The overlay's scale: its colours with the numbers they stand for.
#pragma once

#include <QWidget>

#include "scan/scan_scene.h"

namespace fovea::gui {

class ColourLegend : public QWidget {
  Q_OBJECT

 public:
  explicit ColourLegend(ScanScene* scene, QWidget* parent = nullptr);
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override { return sizeHint(); }

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  ScanScene* scene_;
};

}  // namespace fovea::gui
