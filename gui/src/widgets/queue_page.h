// All runs of this session: state, stage, time, log; cancel and retry.
#pragma once

#include <QPlainTextEdit>
#include <QPushButton>
#include <QTableView>
#include <QWidget>

#include "model/run_queue.h"

namespace fovea::gui {

class QueuePage : public QWidget {
  Q_OBJECT

 public:
  explicit QueuePage(RunQueue& queue, QWidget* parent = nullptr);

 private:
  void refresh();
  int current() const;

  RunQueue& queue_;
  QTableView* table_;
  QPlainTextEdit* log_;
  QPushButton *cancel_, *retry_, *clear_;
};

}  // namespace fovea::gui
