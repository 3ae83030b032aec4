// A training run as it goes: state, time left, curves, its seeds and folds; stop, resume, take its model.
#pragma once

#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QTableWidget>
#include <QWidget>

#include <vector>

#include "model/training.h"
#include "widgets/curve_plot.h"

namespace fovea::gui {

class TrainView : public QWidget {
  Q_OBJECT

 public:
  explicit TrainView(Training& training, QWidget* parent = nullptr);

 Q_SIGNALS:
  /// The run has no request of its own: its recipe and folder, for the form.
  void takeUpRequested(bool scans, const QString& recipe, const QString& folder);

 private:
  void layOut();
  void refresh();
  void refreshState();
  void refreshPlots();
  void refreshFolds();
  void fillRuns();
  void resume();
  int chosenFold() const;

  Training& training_;
  QComboBox* runs_;
  QLabel *title_, *state_, *details_;
  QProgressBar* progress_;
  QPushButton *open_, *forget_, *stop_, *resume_, *keep_, *report_;
  QGridLayout* grid_;
  std::vector<CurvePlot*> plots_;
  QTableWidget* folds_;
};

}  // namespace fovea::gui
