// What the window is made of, for the files that build it and let it act.
#pragma once

#include <fovea/gui/main_window.h>

#include <QActionGroup>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QStackedWidget>
#include <QTabWidget>

#include "model/session.h"
#include "widgets/attention_panel.h"
#include "widgets/case_panel.h"
#include "widgets/message_bar.h"
#include "widgets/queue_page.h"
#include "widgets/region_panel.h"
#include "widgets/report_page.h"
#include "widgets/run_panel.h"
#include "widgets/scan_page.h"
#include "widgets/slide_page.h"
#include "widgets/train_page.h"

namespace fovea::gui {

enum Page { kView, kReport, kQueue, kTrain };

struct MainWindow::Parts {
  CasePanel* cases;
  MessageBar* message;
  QStackedWidget *pages, *views;  // views: start, slide, scan
  QLabel* start;
  SlidePage* slide;
  ScanPage* scan;
  ReportPage* report;
  QueuePage* queue;
  TrainPage* train;
  QTabWidget* side;
  RunPanel* run;
  AttentionPanel* attention;
  RegionPanel* regions;
  QActionGroup* page_actions;
  QLabel* status;
  QProgressBar* progress;
  QPushButton* cancel;
};

}  // namespace fovea::gui
