// A QApplication on the offscreen platform, a home folder, waiting.
#pragma once

#include <QApplication>
#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#include <filesystem>
#include <functional>

#include <gtest/gtest.h>

#include "watch.h"

namespace fovea::gui::test {

inline WatchedApplication& application() {
  static WatchedApplication* made = [] {
    if (qEnvironmentVariableIsEmpty("FOVEA_TEST_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    static int argc = 1;
    static char name[] = "fovea_gui_test";
    static char* argv[] = {name, nullptr};
    return new WatchedApplication(argc, argv);  // lives as long as the process
  }();
  return *made;
}

/// Handles events until `done` or the time is over.
inline bool wait_for(const std::function<bool()>& done, int ms = 20000) {
  QElapsedTimer clock;
  clock.start();
  while (!done()) {
    if (clock.elapsed() > ms) return false;
    QApplication::processEvents(QEventLoop::WaitForMoreEvents | QEventLoop::AllEvents, 20);
    QTest::qWait(1);
  }
  return true;
}

inline QString source_file(const char* path) {
  return QString::fromUtf8(FOVEA_SOURCE_DIR) + QLatin1Char('/') + QLatin1String(path);
}

}  // namespace fovea::gui::test
