// The scan view on real files, by hand: a picture of it, or how long a slice change takes. Not a test: times depend on
// the machine. Usage:
//   fovea_scan_view_bench --picture OUT.png SCAN [--result FOLDER] [--sequence FILE] [--overlay FILE] [--lesion N]
//       [--compare FILE [--mask FILE] [--growth FILE]] [--maximise axial|coronal|sagittal] [--dark] [--size WxH]
//   fovea_scan_view_bench --time SCAN [--result FOLDER]
//   fovea_scan_view_bench --time-synthetic 512x512x400 [--labels]
#include <QApplication>
#include <QCommandLineParser>
#include <QElapsedTimer>
#include <QStyleFactory>
#include <QTest>
#include <QTimer>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <fovea/gui/scan_view.h>

#include "scan/four_panes.h"
#include "scan/slice_pane.h"
#include "synthetic_scan.h"

namespace {

using namespace fovea;
using gui::Plane;

constexpr int kWait = 600000, kChanges = 200;

QPalette dark_palette() {
  QPalette palette;
  palette.setColor(QPalette::Window, QColor(0x20, 0x23, 0x27));
  palette.setColor(QPalette::WindowText, QColor(0xE8, 0xEA, 0xED));
  palette.setColor(QPalette::Base, QColor(0x17, 0x19, 0x1C));
  palette.setColor(QPalette::AlternateBase, QColor(0x1E, 0x21, 0x25));
  palette.setColor(QPalette::Text, QColor(0xE8, 0xEA, 0xED));
  palette.setColor(QPalette::Button, QColor(0x2C, 0x30, 0x35));
  palette.setColor(QPalette::ButtonText, QColor(0xE8, 0xEA, 0xED));
  palette.setColor(QPalette::Highlight, QColor(0x2F, 0x6F, 0xB5));
  palette.setColor(QPalette::HighlightedText, Qt::white);
  palette.setColor(QPalette::ToolTipBase, QColor(0x2C, 0x30, 0x35));
  palette.setColor(QPalette::ToolTipText, QColor(0xE8, 0xEA, 0xED));
  for (const QPalette::ColorRole role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
    palette.setColor(QPalette::Disabled, role, QColor(0x8B, 0x90, 0x96));
  return palette;
}

void print_row(const char* name, std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  std::printf("%-9s median %6.2f ms   95 %% %6.2f ms   worst %6.2f ms\n", name, times[times.size() / 2],
              times[times.size() * 95 / 100], times.back());
}

void print_times(gui::FourPanes& panes) {
  for (const Plane plane : gui::kPlanes) {
    gui::SlicePane& pane = *panes.pane(plane);
    std::vector<double> times;
    for (int n = 0; n < kChanges; ++n) {
      QElapsedTimer timer;
      timer.start();
      gui::test::change_slice(panes, pane, n / 50 % 2 == 0 ? 1 : -1);
      times.push_back(static_cast<double>(timer.nsecsElapsed()) / 1e6);
    }
    print_row(gui::plane_name(plane).toUtf8().constData(), times);
  }
}

void print_turns(gui::SurfacePane& surface) {
  std::vector<double> times;
  for (int n = 0; n < kChanges; ++n) {
    QElapsedTimer timer;
    timer.start();
    surface.setView(surface.camera().turn + 7, surface.camera().tilt);
    surface.repaint();
    times.push_back(static_cast<double>(timer.nsecsElapsed()) / 1e6);
  }
  print_row("Surface", times);
}

std::size_t peak_mb() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word)
    if (word == "VmHWM:") {
      std::size_t kb = 0;
      status >> kb;
      return kb / 1024;
    }
  return 0;
}

int time_synthetic(const QString& text, bool labels) {
  const QStringList parts = text.split('x');
  if (parts.size() != 3) return 1;
  const auto volume = gui::test::noise_volume({parts[0].toLongLong(), parts[1].toLongLong(), parts[2].toLongLong()});
  gui::ScanScene scene;
  gui::FourPanes panes(&scene);
  panes.resize(1000, 700);
  panes.show();
  scene.setBase(volume, "T1");
  if (labels) {
    scene.setSegmentation(gui::test::ellipsoid_on(volume->grid));
    scene.selectLesion(0);
  }
  QTest::qWait(50);
  std::printf("%s int16%s, window 1000 x 700\n", text.toUtf8().constData(), labels ? " with a selected lesion" : "");
  print_times(panes);
  std::printf("peak memory %zu MB\n", peak_mb());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
  QApplication application(argc, argv);
  QApplication::setStyle(QStyleFactory::create("Fusion"));
  QCommandLineParser arguments;
  for (const char* name : {"picture", "result", "sequence", "overlay", "lesion", "compare", "mask", "growth",
                           "maximise", "size", "time-synthetic"})
    arguments.addOption({QString::fromLatin1(name), {}, "value"});
  for (const char* name : {"dark", "time", "labels"}) arguments.addOption({QString::fromLatin1(name), {}});
  arguments.addPositionalArgument("scan", {});
  arguments.process(application);
  if (arguments.isSet("dark")) QApplication::setPalette(dark_palette());
  if (arguments.isSet("time-synthetic"))
    return time_synthetic(arguments.value("time-synthetic"), arguments.isSet("labels"));
  if (arguments.positionalArguments().isEmpty()) return 1;

  const QStringList size = (arguments.isSet("size") ? arguments.value("size") : "1280x800").split('x');
  gui::ScanView view;
  view.resize(size.value(0).toInt(), size.value(1).toInt());
  view.show();
  QObject::connect(&view, &gui::ScanView::failed, [](const QString& sentence, const QString& details) {
    std::fprintf(stderr, "%s\n(%s)\n", sentence.toUtf8().constData(), details.toUtf8().constData());
  });
  // How long the GUI thread was away while files were read: the longest time between two turns of its loop.
  QElapsedTimer timer, turn;
  qint64 longest_ns = 0;
  QTimer heartbeat;
  QObject::connect(&heartbeat, &QTimer::timeout, [&] {
    if (turn.isValid()) longest_ns = std::max(longest_ns, turn.nsecsElapsed());
    turn.start();
  });
  heartbeat.start(1);
  timer.start();
  view.open(arguments.positionalArguments().first());
  if (arguments.isSet("sequence")) view.addSequence(arguments.value("sequence"));
  if (arguments.isSet("result")) view.showResult(arguments.value("result"));
  if (arguments.isSet("overlay")) view.addOverlay(arguments.value("overlay"));
  if (arguments.isSet("compare"))
    view.compareWith(arguments.value("compare"), arguments.value("mask"), arguments.value("growth"));
  if (!QTest::qWaitFor([&] { return !view.isBusy(); }, kWait)) return 3;
  heartbeat.stop();
  std::printf("read in %.2f s, longest turn of the GUI thread meanwhile %.1f ms\n",
              static_cast<double>(timer.elapsed()) / 1000, static_cast<double>(longest_ns) / 1e6);
  auto* panes = view.findChild<gui::FourPanes*>();
  if (arguments.isSet("lesion")) view.selectLesion(arguments.value("lesion").toInt());
  for (const Plane plane : gui::kPlanes)
    if (arguments.value("maximise") == gui::plane_name(plane).toLower()) panes->toggleMaximised(panes->pane(plane));
  QTest::qWait(100);
  if (arguments.isSet("picture")) return view.grab().save(arguments.value("picture")) ? 0 : 3;
  print_times(*panes);
  print_turns(*panes->surface());
  std::printf("peak memory %zu MB\n", peak_mb());
  return 0;
}
