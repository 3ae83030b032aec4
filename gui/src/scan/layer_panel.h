// Controls of all that lies over each other: sequences and their windows, labels, colour overlay, ways of viewing.
#pragma once

#include <QCheckBox>
#include <QComboBox>
#include <QScrollArea>
#include <QSlider>

#include "scan/scan_scene.h"

class QFormLayout;
class QGroupBox;
class QLabel;
class QVBoxLayout;

namespace fovea::gui {

class LayerPanel : public QScrollArea {
  Q_OBJECT

 public:
  explicit LayerPanel(ScanScene* scene, QWidget* parent = nullptr);

 Q_SIGNALS:
  void addSequenceRequested();
  void openResultRequested();
  void openOverlayRequested();
  void compareRequested();
  /// One of the segmentation's own overlays, -1 for none.
  void overlayChosen(int index);

 private:
  QWidget* sequenceSection();
  QWidget* labelSection();
  QWidget* overlaySection();
  QWidget* viewSection();
  void rebuild();
  void rebuildSequences();
  void rebuildLabels();
  void rebuildOverlays();
  void refresh();

  ScanScene* scene_;
  QVBoxLayout* sequence_rows_ = nullptr;
  QVBoxLayout* label_rows_ = nullptr;
  QWidget* window_box_ = nullptr;
  QComboBox *active_ = nullptr, *preset_ = nullptr, *overlay_ = nullptr, *map_ = nullptr, *side_ = nullptr;
  QSlider *fill_ = nullptr, *overlay_opacity_ = nullptr;
  QCheckBox *outline_ = nullptr, *crosshair_ = nullptr, *smooth_ = nullptr;
  QWidget *label_box_ = nullptr, *overlay_box_ = nullptr;
  bool refreshing_ = false;
};

}  // namespace fovea::gui
