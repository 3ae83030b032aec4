// Before Start: model, options, and what would keep the case from running.
#pragma once

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QPushButton>
#include <QSpinBox>
#include <QTimer>
#include <QWidget>

#include <vector>

#include <fovea/pipeline/preparation.h>

#include "model/case_record.h"
#include "model/engine.h"
#include "model/run_queue.h"
#include "model/run_request.h"
#include "model/settings.h"

namespace fovea::gui {

class RunPanel : public QWidget {
  Q_OBJECT

 public:
  RunPanel(Engine& engine, Settings& settings, RunQueue& queue, QWidget* parent = nullptr);

  void setCase(const CaseRecord* record);
  void setDetectedMpp(double mpp);
  void reloadModels();
  /// What Start would run for this case; nothing when no model fits.
  std::optional<pipeline::JobRequest> requestFor(const CaseRecord& record) const;

 Q_SIGNALS:
  void startRequested(const fovea::pipeline::JobRequest& request, double mpp);
  void saveRequested(const fovea::pipeline::JobRequest& request);
  void modelFolderRequested();

 protected:
  void changeEvent(QEvent* event) override;

 private:
  RunChoices choices() const;
  void fillModels();
  void check();
  void showChecks(const std::vector<pipeline::PreflightCheck>& checks);
  void refresh();

  Engine& engine_;
  Settings& settings_;
  RunQueue& queue_;
  CaseRecord case_;
  std::vector<pipeline::ModelFacts> models_;
  std::vector<pipeline::PreflightCheck> shown_checks_;
  QComboBox* model_;
  QLabel *about_, *checks_, *progress_text_;
  QDoubleSpinBox* mpp_;
  QSpinBox* overlap_;
  QCheckBox* live_;
  QWidget* slide_options_;
  QPushButton *start_, *cancel_, *save_;
  QTimer check_delay_;
  int asked_ = 0;
  bool ready_ = false;
};

}  // namespace fovea::gui
