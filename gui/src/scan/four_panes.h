// The three planes and the surface view; any of them can fill the place of all.
#pragma once

#include <QWidget>

#include <array>

#include "scan/slice_pane.h"
#include "scan/surface_pane.h"

namespace fovea::gui {

class FourPanes : public QWidget {
  Q_OBJECT

 public:
  explicit FourPanes(ScanScene* scene, QWidget* parent = nullptr);

  SlicePane* pane(Plane plane) const { return panes_[static_cast<std::size_t>(plane)]; }
  SurfacePane* surface() const { return surface_; }
  /// The one that fills the place of all; null when all four are shown.
  QWidget* maximised() const { return maximised_; }
  /// Again for the same one: back to four.
  void toggleMaximised(QWidget* pane);
  void resetViews();

 Q_SIGNALS:
  void hovered(const QString& text);
  void lesionClicked(int index);

 protected:
  void keyPressEvent(QKeyEvent* event) override;

 private:
  std::array<SlicePane*, 3> panes_{};
  SurfacePane* surface_;
  QWidget* maximised_ = nullptr;
};

}  // namespace fovea::gui
