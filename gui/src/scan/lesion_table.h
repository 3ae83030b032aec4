// The lesion table: a click jumps, Ctrl+C copies as CSV.
#pragma once

#include <QSortFilterProxyModel>
#include <QTableView>

#include "scan/lesion_model.h"
#include "scan/scan_scene.h"

namespace fovea::gui {

class LesionTable : public QTableView {
  Q_OBJECT

 public:
  explicit LesionTable(ScanScene* scene, QWidget* parent = nullptr);

 Q_SIGNALS:
  void lesionClicked(int index);

 protected:
  void keyPressEvent(QKeyEvent* event) override;

 private:
  void takeContent();
  void showSelected(int lesion);
  void jump(const QModelIndex& index);

  ScanScene* scene_;
  LesionModel model_;
  QSortFilterProxyModel sorted_;
  std::shared_ptr<const pipeline::ViewSegmentation> shown_;
};

}  // namespace fovea::gui
