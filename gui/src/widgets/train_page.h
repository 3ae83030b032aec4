// For researchers: a training is started at the left and followed at the right.
#pragma once

#include <QWidget>

#include "model/engine.h"
#include "model/settings.h"
#include "model/training.h"
#include "widgets/train_form.h"
#include "widgets/train_view.h"

namespace fovea::gui {

class TrainPage : public QWidget {
  Q_OBJECT

 public:
  TrainPage(Engine& engine, Settings& settings, QWidget* parent = nullptr);

  Training& training() { return training_; }
  /// True when the window may close: no training goes on, or the user said whether it is to go on without the window.
  bool mayClose();

 Q_SIGNALS:
  void modelKept(const QString& name);
  /// What went wrong, or that a training has ended that nobody looks at.
  void said(const QString& sentence, const QString& details);

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  void save(const pipeline::JobRequest& request);

  Training training_;
  TrainForm* form_;
  TrainView* view_;
};

}  // namespace fovea::gui
