// A QApplication on the offscreen platform, a home folder, waiting, and a watch on the window's thread.
#pragma once

#include <QApplication>
#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#include <ctime>
#include <filesystem>
#include <functional>

#include <gtest/gtest.h>

namespace fovea::gui::test {

/// Measures every event that the window's thread handles: its wall time, and its processor time, which other programs
/// on a loaded machine cannot lengthen.
class WatchedApplication : public QApplication {
 public:
  using QApplication::QApplication;
  bool notify(QObject* receiver, QEvent* event) override {
    if (depth_++ > 0) {
      const bool inner = QApplication::notify(receiver, event);
      --depth_;
      return inner;
    }
    QElapsedTimer wall;
    wall.start();
    const double begin = cpu_ms();
    const QByteArray who =
        QByteArray(receiver->metaObject()->className()) + " event " + QByteArray::number(event->type());
    const bool handled = QApplication::notify(receiver, event);
    --depth_;
    const double cpu = cpu_ms() - begin;
    if (cpu > worst_cpu_ms) worst_cpu_ms = cpu, worst_event = who;
    worst_wall_ms = std::max(worst_wall_ms, static_cast<double>(wall.nsecsElapsed()) / 1e6);
    return handled;
  }
  void reset() { worst_cpu_ms = worst_wall_ms = 0, worst_event.clear(); }
  double worst_cpu_ms = 0, worst_wall_ms = 0;
  QByteArray worst_event;

 private:
  static double cpu_ms() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
  }
  int depth_ = 0;
};

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
