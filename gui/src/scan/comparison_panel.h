// Two time points of one head side by side: one plane, one place, one zoom, and the change in volume below.
#pragma once

#include <QTableView>
#include <QWidget>

#include "scan/growth_model.h"
#include "scan/slice_pane.h"

class QButtonGroup;
class QLabel;

namespace fovea::gui {

class ComparisonPanel : public QWidget {
  Q_OBJECT

 public:
  ComparisonPanel(ScanScene* earlier, ScanScene* later, QWidget* parent = nullptr);

  void setPlane(Plane plane);
  void setGrowth(std::optional<pipeline::ViewGrowth> growth);
  SlicePane* earlierPane() const { return earlier_pane_; }
  SlicePane* laterPane() const { return later_pane_; }
  /// Brings the earlier scan to the later one's place.
  void align();

 Q_SIGNALS:
  void hovered(const QString& text);
  void lesionClicked(int index);
  void endRequested();

 private:
  void link(SlicePane* from, SlicePane* to);
  void follow(ScanScene* from, ScanScene* to);

  ScanScene *earlier_, *later_;
  SlicePane *earlier_pane_, *later_pane_;
  QButtonGroup* planes_;
  QLabel* summary_;
  GrowthModel model_;
  QTableView* table_;
  bool following_ = false;
};

}  // namespace fovea::gui
