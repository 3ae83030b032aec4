// The list of the user's regions: rename, go to, delete, export.
#pragma once

#include <QListView>
#include <QWidget>

#include "model/region_model.h"
#include "widgets/slide_canvas.h"

namespace fovea::gui {

class RegionPanel : public QWidget {
  Q_OBJECT

 public:
  RegionPanel(RegionModel& regions, SlideCanvas& canvas, QWidget* parent = nullptr);

 Q_SIGNALS:
  void exportRequested();

 private:
  RegionModel& regions_;
  QListView* list_;
};

}  // namespace fovea::gui
