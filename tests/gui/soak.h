// Long use of the window in short: the same round of opening, looking, running and cancelling, and what the process
// holds after it.
#pragma once

#include <QApplication>
#include <QElapsedTimer>
#include <QLabel>
#include <QListView>
#include <QPushButton>
#include <QTest>
#include <QWheelEvent>

#include <fstream>
#include <functional>
#include <string>

#include <dirent.h>
#include <malloc.h>

#include <fovea/gui/main_window.h>
#include <fovea/gui/scan_view.h>

#include "model/session.h"
#include "scan/four_panes.h"
#include "scan/slice_pane.h"
#include "widgets/slide_canvas.h"

namespace fovea::gui::test {

struct Held {
  double resident_mb = 0;
  int files = 0;
};

/// What the process holds now, after giving back to the system what is free.
inline Held held() {
  malloc_trim(0);
  Held now;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmRSS:", 0) == 0) now.resident_mb = std::stod(line.substr(6)) / 1024;
  if (DIR* folder = opendir("/proc/self/fd")) {
    while (readdir(folder)) ++now.files;
    closedir(folder);
  }
  return now;
}

class ScriptedUse {
 public:
  explicit ScriptedUse(MainWindow& window)
      : window_(window),
        canvas_(*window.findChild<SlideCanvas*>()),
        scan_(*window.findChild<ScanView*>()),
        cases_(*window.findChild<QListView*>(QStringLiteral("cases"))) {}

  /// Every case of the list once, and the run of the first slide that can be started. What went wrong; empty: nothing.
  std::string round() {
    for (int row = 0; row < cases_.model()->rowCount(); ++row) {
      cases_.setCurrentIndex({});
      cases_.setCurrentIndex(cases_.model()->index(row, 0));
      const CaseRecord* record = window_.session().current();
      if (!record) return "a case cannot be chosen";
      if (record->kind == CaseKind::kSlide) {
        if (!until([&] { return canvas_.hasSlide(); })) return "a slide does not open";
        lookAtSlide();
        if (row == cases_.model()->rowCount() - 1 && !runAndCancel()) return "a run cannot be cancelled";
      } else {
        if (!until([&] { return !scan_.isBusy(); })) return "a scan does not open";
        lookAtScan();
      }
      QTest::keyClick(&window_, Qt::Key_2, Qt::ControlModifier);
      QTest::qWait(20);
      QTest::keyClick(&window_, Qt::Key_1, Qt::ControlModifier);
    }
    window_.session().close();
    window_.session().queue().clearEnded();
    QTest::qWait(50);
    return {};
  }
  int runs() const { return runs_; }

 private:
  static bool until(const std::function<bool()>& done, int ms = 60'000) {
    QElapsedTimer clock;
    for (clock.start(); !done();) {
      if (clock.elapsed() > ms) return false;
      QTest::qWait(2);
    }
    return true;
  }

  void lookAtSlide() {
    const QRectF whole = canvas_.viewport().slide();
    for (int step = 0; step < 40; ++step) {
      if (step % 10 == 0) canvas_.zoomTo(step % 20 ? 0.4 : 1.2);
      canvas_.centreOn(whole.center() +
                       QPointF(whole.width() * (step - 20) / 60, whole.height() * (step % 7 - 3) / 10));
      if (step % 13 == 0) QTest::keyClick(&canvas_, Qt::Key_R);
      QTest::qWait(3);
    }
    canvas_.fit();
    until([&] { return canvas_.tiles()->idle(); });
    canvas_.repaint();
  }

  void lookAtScan() {
    auto* panes = scan_.findChild<FourPanes*>();
    for (const Plane plane : kPlanes)
      for (int step = 0; step < 20; ++step) {
        SlicePane& pane = *panes->pane(plane);
        const QPointF at = QRectF(pane.rect()).center();
        QWheelEvent wheel(at, pane.mapToGlobal(at), {}, {0, step < 10 ? 120 : -120}, Qt::NoButton, {},
                          Qt::NoScrollPhase, false);
        QApplication::sendEvent(&pane, &wheel);
        pane.repaint();
        QTest::qWait(1);
      }
  }

  bool runAndCancel() {
    auto* start = window_.findChild<QPushButton*>(QStringLiteral("start"));
    if (!until([&] { return start->isEnabled(); }, 10'000)) return true;  // no encoder here
    QTest::mouseClick(start, Qt::LeftButton);
    RunQueue& queue = window_.session().queue();
    if (!until([&] {
          const Run* run = queue.running();
          return !run || run->stage.contains(QStringLiteral("tiles"));
        }))
      return false;
    QTest::qWait(200);
    QTest::mouseClick(window_.findChild<QPushButton*>(QStringLiteral("cancelRunning")), Qt::LeftButton);
    ++runs_;
    return until([&] { return !queue.running(); });
  }

  MainWindow& window_;
  SlideCanvas& canvas_;
  ScanView& scan_;
  QListView& cases_;
  int runs_ = 0;
};

}  // namespace fovea::gui::test
