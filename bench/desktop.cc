// How the window feels, measured on the real window: `./run bench desktop [SLIDE]`. Runs on the offscreen platform,
// where Qt paints as it does on X11 without a graphics card.
#include <QApplication>
#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <vector>

#include <fovea/gui/desktop.h>
#include <fovea/gui/main_window.h>

#include "model/session.h"
#include "widgets/slide_canvas.h"

namespace {

using namespace fovea::gui;

double resident_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmRSS:", 0) == 0) return std::stod(line.substr(6)) / 1024;
  return 0;
}

bool wait_for(const std::function<bool()>& done, int ms = 60000) {
  QElapsedTimer clock;
  clock.start();
  while (!done()) {
    if (clock.elapsed() > ms) return false;
    QApplication::processEvents(QEventLoop::AllEvents, 5);
  }
  return true;
}

double share(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

void fill_cases(const QString& home, int count) {
  CaseStore store(home);
  QList<CaseRecord> cases;
  for (int i = 0; i < count; ++i) {
    CaseRecord record;
    record.kind = i % 3 ? CaseKind::kSlide : CaseKind::kScan;
    record.path = QStringLiteral("/nowhere/%1.svs").arg(i);
    cases.push_back(record);
  }
  store.add(cases);
}

void start_up(const QString& home, int cases) {
  QElapsedTimer clock;
  clock.start();
  MainWindow window(home);
  window.resize(1280, 800);
  window.show();
  (void)QTest::qWaitForWindowExposed(&window);
  window.grab();
  std::printf("window with %d cases, made and painted: %.0f ms (target 1000)\n", cases,
              static_cast<double>(clock.nsecsElapsed()) / 1e6);
}

/// Draws the canvas into a picture, as a frame on the screen would be.
double frame_ms(SlideCanvas& canvas, QImage& target) {
  QElapsedTimer clock;
  clock.start();
  canvas.render(&target);
  return static_cast<double>(clock.nsecsElapsed()) / 1e6;
}

void slide_feel(const QString& home, const QString& slide, int width, int height) {
  MainWindow window(home);
  window.resize(width, height);
  window.show();
  auto* canvas = window.findChild<SlideCanvas*>();
  QElapsedTimer clock;
  clock.start();
  window.session().addPaths({slide});
  const auto any_tile = [&] {
    if (!canvas->hasSlide()) return false;
    const auto& levels = canvas->tiles()->slide().info().levels;
    return canvas->tiles()->has({static_cast<int>(levels.size()) - 1, 0, 0});
  };
  if (!wait_for(any_tile)) return (void)std::printf("the slide did not open\n");
  std::printf("%dx%d: added to first pixels %.0f ms (target 1000)", width, height,
              static_cast<double>(clock.nsecsElapsed()) / 1e6);
  wait_for([&] { return canvas->tiles()->idle(); });
  std::printf(", to the whole view %.0f ms\n", static_cast<double>(clock.nsecsElapsed()) / 1e6);

  QImage target(canvas->size(), QImage::Format_RGB32);
  std::vector<double> frames, handling;
  canvas->zoomTo(0.5);
  for (int i = 0; i < 400; ++i) {  // round and round, in and out, while tiles come
    QElapsedTimer move;
    move.start();
    const double angle = i * 2 * M_PI / 100;
    const QRectF whole = canvas->viewport().slide();
    canvas->centreOn(whole.center() +
                     QPointF(std::cos(angle) * whole.width(), std::sin(angle) * whole.height()) * 0.35);
    if (i % 40 == 0) canvas->zoomTo(i % 80 ? 0.35 : 1.3);
    handling.push_back(static_cast<double>(move.nsecsElapsed()) / 1e6);
    frames.push_back(frame_ms(*canvas, target));
    QApplication::processEvents(QEventLoop::AllEvents, 4);
  }
  const auto late = std::count_if(frames.begin(), frames.end(), [](double ms) { return ms >= 16; });
  std::printf(
      "  400 frames while tiles load: median %.1f ms, 95 %% %.1f ms, worst %.1f ms; %.1f %% below 16 ms (target 95 "
      "%%)\n",
      share(frames, 0.5), share(frames, 0.95), share(frames, 1), 100.0 - 100.0 * static_cast<double>(late) / 400);
  std::printf("  moving (requests of tiles): 95 %% %.2f ms; tiles held %.0f MB, process %.0f MB\n",
              share(handling, 0.95), static_cast<double>(canvas->tiles()->cachedBytes()) / 1e6, resident_mb());
}

}  // namespace

int main(int argc, char** argv) {
  if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
  QApplication application(argc, argv);
  setTheme(application, WindowTheme::kLight);
  const QTemporaryDir many, few;
  constexpr int kCases = 10'000;
  fill_cases(many.path(), kCases);
  start_up(many.path(), kCases);
  start_up(few.path(), 0);
  for (int i = 1; i < argc; ++i) {
    std::printf("slide %d\n", i);
    slide_feel(few.path(), QString::fromLocal8Bit(argv[i]), 1280, 800);
    slide_feel(few.path(), QString::fromLocal8Bit(argv[i]), 1920, 1080);
  }
  return 0;
}
