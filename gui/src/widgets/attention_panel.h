// Beside the slide: prediction, how the heatmap is drawn, and the most attended places.
#pragma once

#include <QCheckBox>
#include <QComboBox>
#include <QLabel>
#include <QListView>
#include <QSlider>
#include <QWidget>

#include <memory>

#include <fovea/pipeline/attention_result.h>

#include "model/patch_model.h"
#include "model/run_queue.h"
#include "widgets/slide_canvas.h"

namespace fovea::gui {

class AttentionPanel : public QWidget {
  Q_OBJECT

 public:
  AttentionPanel(Engine& engine, SlideCanvas& canvas, QWidget* parent = nullptr);

  /// A result over the slide that is open; null: none.
  void show(std::shared_ptr<const pipeline::SlideView> slide, std::shared_ptr<const pipeline::SlideResult> result);
  /// What a run says so far.
  void showLive(const LiveState& state, std::shared_ptr<const pipeline::AttentionResult> attention);
  PatchModel& patches() { return *patches_; }
  std::shared_ptr<const pipeline::SlideResult> result() const { return result_; }
  /// Goes to the place `by` rows further down the list.
  void step(int by);

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void choose();
  void restyle();
  void syncStyle();
  void fillClasses();
  void showClasses(QList<std::pair<QString, double>> classes);

  Engine& engine_;
  SlideCanvas& canvas_;
  std::shared_ptr<const pipeline::SlideView> slide_;
  std::shared_ptr<const pipeline::SlideResult> result_;
  PatchModel* patches_;
  QLabel *classes_, *facts_;
  QList<std::pair<QString, double>> shown_classes_;  ///< name and probability
  QWidget* controls_;
  QComboBox *branch_, *scale_, *map_;
  QSlider* opacity_;
  QCheckBox *smooth_, *frames_;
  QListView* list_;
  int asked_ = 0;
};

}  // namespace fovea::gui
