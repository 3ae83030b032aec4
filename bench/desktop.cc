// How the window feels, measured on the real window: `./run bench desktop [SLIDE...]`. Runs on the offscreen platform,
// where Qt paints as it does on X11 without a graphics card. Every figure stands with the window thread's processor
// time beside it: on a machine that computes elsewhere too, wall times hold waiting for a processor.
#include <QApplication>
#include <QCommandLineParser>
#include <QDateTime>
#include <QFileInfo>
#include <QProcess>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fovea/gui/desktop.h>
#include <fovea/gui/main_window.h>

#include "gui/scan/synthetic_scan.h"
#include "gui/soak.h"
#include "gui/watch.h"
#include "model/session.h"
#include "scan/scan_scene.h"
#include "widgets/slide_canvas.h"

namespace {

using namespace fovea::gui;
using test::thread_cpu_ms, test::wall_ms;

constexpr int kCases = 10'000, kStarts = 5, kFrames = 400, kChanges = 200, kRounds = 8, kWarmUp = 2;
constexpr double kFrameMs = 16, kFirstMs = 1000, kBlockMs = 50;

bool wait_for(const std::function<bool()>& done, int ms = 60000) {
  QElapsedTimer clock;
  clock.start();
  while (!done()) {
    if (clock.elapsed() > ms) return false;
    QApplication::processEvents(QEventLoop::AllEvents, 5);
  }
  return true;
}

/// Times of one act, repeated.
struct Times {
  std::vector<double> wall, cpu;
  template <class Act>
  void take(const Act& act) {
    const double begin = wall_ms(), cpu_begin = thread_cpu_ms();
    act();
    wall.push_back(wall_ms() - begin), cpu.push_back(thread_cpu_ms() - cpu_begin);
  }
};

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

double below(const std::vector<double>& values, double limit) {
  const auto good = std::count_if(values.begin(), values.end(), [&](double v) { return v < limit; });
  return 100.0 * static_cast<double>(good) / static_cast<double>(std::max<std::size_t>(1, values.size()));
}

std::string text(const char* format, auto... values) {
  char line[512];
  std::snprintf(line, sizeof line, format, values...);
  return line;
}

/// Markdown, to the screen and, when asked for, to a file.
class Table {
 public:
  void line(const std::string& row) {
    std::printf("%s\n", row.c_str());
    std::fflush(stdout);
    all_ += row + "\n";
  }
  void row(const std::string& what, const std::string& figure, const std::string& cpu, const std::string& target) {
    line("| " + what + " | " + figure + " | " + cpu + " | " + target + " |");
  }
  void frames(const std::string& what, const Times& t) {
    row(what,
        text("%.1f / %.1f / %.1f ms, %.1f %% below 16", quantile(t.wall, 0.5), quantile(t.wall, 0.95),
             quantile(t.wall, 1), below(t.wall, kFrameMs)),
        text("%.1f / %.1f / %.1f ms", quantile(t.cpu, 0.5), quantile(t.cpu, 0.95), quantile(t.cpu, 1)),
        "95 % below 16 ms");
  }
  bool save(const QString& path) const {
    std::ofstream file(path.toStdString());
    return static_cast<bool>(file << all_);
  }

 private:
  std::string all_;
};

std::string first_line(const char* path, const std::string& key = {}) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.rfind(key, 0) == 0) return key.empty() ? line : line.substr(line.find(':') + 2);
  return {};
}

void head(Table& table, const QString& commit) {
  table.line("# The desktop's feel");
  table.line("");
  table.line("`./run bench desktop`, " + QDateTime::currentDateTimeUtc().toString(Qt::ISODate).toStdString() +
             ", commit " + commit.toStdString() + ". " + first_line("/proc/cpuinfo", "model name") + ", " +
             std::to_string(std::thread::hardware_concurrency()) + " processors, load before it " +
             first_line("/proc/loadavg") + ". Qt " + qVersion() +
             ", offscreen platform, no graphics card. Times are median / 95 % / worst.");
  table.line("");
  table.line("| what | wall time | the window thread's processor time | asked for |");
  table.line("|---|---|---|---|");
}

void fill_cases(const QString& home) {
  CaseStore store(home);
  QList<CaseRecord> cases;
  for (int i = 0; i < kCases; ++i) {
    CaseRecord record;
    record.kind = i % 3 ? CaseKind::kSlide : CaseKind::kScan;
    record.path = QStringLiteral("/nowhere/%1.svs").arg(i);
    cases.push_back(record);
  }
  store.add(cases);
}

/// What a start of the program does until the window is painted; run in a process of its own.
int start_only(QApplication& application, const QString& home) {
  prepareApplication(application, home);
  MainWindow window(home);
  window.show();
  if (!QTest::qWaitForWindowExposed(&window)) return 3;
  window.repaint();
  return 0;
}

void start_up(Table& table, const QString& home, const char* what) {
  std::vector<double> times;
  for (int i = 0; i < kStarts; ++i) {
    const double begin = wall_ms();
    if (QProcess::execute(QApplication::applicationFilePath(), {QStringLiteral("--start"), home}) != 0) return;
    times.push_back(wall_ms() - begin);
  }
  table.row(text("start of the program to its end after the first painting, %s", what),
            text("%.0f ms, worst %.0f ms", quantile(times, 0.5), quantile(times, 1)), "", "< 1000 ms");
}

/// A result of as many tiles as a slide can have, for the heatmap.
std::shared_ptr<const AttentionView> many_tiles(const QRectF& slide, int edge_tiles) {
  auto attention = std::make_shared<fovea::pipeline::AttentionResult>();
  const double edge = std::max(slide.width(), slide.height()) / edge_tiles;
  std::uint32_t seed = 1;
  for (int row = 0; row < edge_tiles; ++row)
    for (int column = 0; column < edge_tiles; ++column) {
      attention->coords.push_back(static_cast<std::int64_t>(slide.x() + edge * column));
      attention->coords.push_back(static_cast<std::int64_t>(slide.y() + edge * row));
      attention->softmax.push_back(static_cast<float>((seed = seed * 1664525 + 1013904223) >> 8));
    }
  attention->branches = 1, attention->footprint_px = edge;
  return attentionView(attention, {});
}

/// Moves through the slide while tiles come; a frame is the move and the painting after it.
void moves(Table& table, SlideCanvas& canvas, const std::string& where) {
  QImage target(canvas.size(), QImage::Format_RGB32);
  const QRectF whole = canvas.viewport().slide();
  Times pan, zoom;
  for (int i = 0; i < kFrames; ++i) {
    if (i % 100 == 0) canvas.zoomTo(i % 200 ? 0.35 : 1.0);
    const double angle = i * 2 * M_PI / 100;
    pan.take([&] {
      canvas.centreOn(whole.center() +
                      QPointF(std::cos(angle) * whole.width(), std::sin(angle) * whole.height()) * 0.3);
      canvas.render(&target);
    });
    QApplication::processEvents(QEventLoop::AllEvents, 4);
  }
  canvas.fit();
  for (int i = 0; i < kFrames; ++i) {  // notches of the wheel, in and out
    zoom.take([&] {
      canvas.zoomBy(i / 20 % 2 ? 1 / 1.15 : 1.15);
      canvas.render(&target);
    });
    QApplication::processEvents(QEventLoop::AllEvents, 4);
  }
  table.frames("pan, " + where, pan);
  table.frames("zoom, " + where, zoom);
}

void slide_feel(Table& table, const QString& home, const QString& slide, QSize size) {
  MainWindow window(home);
  window.resize(size);
  window.show();
  auto* canvas = window.findChild<SlideCanvas*>();
  const double begin = wall_ms();
  window.session().addPaths({slide});
  const std::string name = text("%s at %dx%d", QFileInfo(slide).completeBaseName().left(14).toUtf8().constData(),
                                size.width(), size.height());
  if (!wait_for([&] { return canvas->hasSlide() && canvas->tiles()->cachedBytes() > 0; }))
    return table.row("first pixels, " + name, "did not open", "", "");
  QApplication::processEvents();
  table.row("file added to first pixels, " + name, text("%.0f ms", wall_ms() - begin), "", "< 1000 ms");
  wait_for([&] { return canvas->tiles()->idle(); });
  moves(table, *canvas, name);
  canvas->setAttention(many_tiles(canvas->viewport().slide(), 316));
  moves(table, *canvas, name + " under 99 856 tiles of heatmap");
}

void slices(Table& table, bool labels) {
  const auto volume = test::noise_volume({512, 512, 400});
  ScanScene scene;
  FourPanes panes(&scene);
  panes.resize(1000, 700);
  panes.show();
  scene.setBase(volume, QStringLiteral("T1"));
  if (labels) {
    scene.setSegmentation(test::ellipsoid_on(volume->grid));
    scene.selectLesion(0);
  }
  QTest::qWait(50);
  for (const Plane plane : kPlanes) {
    Times times;
    for (int n = 0; n < kChanges; ++n)
      times.take([&] { test::change_slice(panes, *panes.pane(plane), n / 50 % 2 == 0 ? 1 : -1); });
    table.frames(text("slice change, 512x512x400, %s%s", plane_name(plane).toLower().toUtf8().constData(),
                      labels ? ", with a selected lesion" : ""),
                 times);
  }
}

/// The window's thread while the demo job runs, a hand on the slide all the time.
void blocks(Table& table, test::WatchedApplication& app, const QString& home, const QString& slide) {
  MainWindow window(home);
  window.resize(1280, 800);
  window.show();
  auto* canvas = window.findChild<SlideCanvas*>();
  auto* start = window.findChild<QPushButton*>(QStringLiteral("start"));
  window.session().addPaths({slide});
  if (!wait_for([&] { return canvas->hasSlide() && start->isEnabled(); }, 20'000))
    return table.row("longest block while a job runs", "no model and encoder here", "", "< 50 ms");
  app.reset();
  const double begin = wall_ms();
  start->click();
  int step = 0;
  const bool ended = wait_for(
      [&] {
        const QPoint at(300 + 2 * (++step % 100), 300);
        QTest::mouseMove(canvas, at);
        if (step % 50 == 0) canvas->zoomBy(step % 100 ? 1.3 : 1 / 1.3);
        return window.session().result() != nullptr;
      },
      500'000);
  table.row(text("longest block of the window's thread while a job runs (%.0f s%s)", (wall_ms() - begin) / 1000,
                 ended ? "" : ", not ended"),
            text("%.1f ms (%.1f ms with waiting for a processor)", app.worst_block_ms, app.worst_wall_ms),
            text("%.1f ms", app.worst_cpu_ms), "< 50 ms");
}

void memory(Table& table, const QString& home, const QStringList& paths, int rounds) {
  {
    Settings settings(home);
    settings.setCacheMegabytes(64);
  }
  MainWindow window(home);
  window.resize(1280, 800);
  window.show();
  window.addPaths(paths);
  wait_for([&] { return window.session().cases().count() >= paths.size(); });
  test::ScriptedUse use(window);
  test::Held first;
  for (int round = 0; round < rounds; ++round) {
    if (round == kWarmUp) first = test::held();
    if (const std::string problem = use.round(); !problem.empty())
      return table.row("memory under scripted use", problem, "", "");
  }
  const test::Held last = test::held();
  table.row(
      text("memory after %d, after %d rounds of opening %d cases, moving, running, cancelling; 64 MB of tiles allowed",
           kWarmUp, rounds, static_cast<int>(window.session().cases().count())),
      text("%.0f MB, %.0f MB; %d, %d open files", first.resident_mb, last.resident_mb, first.files, last.files), "",
      "no growth");
}

}  // namespace

int main(int argc, char** argv) {
  if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
  test::WatchedApplication application(argc, argv);
  QCommandLineParser arguments;
  arguments.addOption({QStringLiteral("start"), {}, QStringLiteral("home")});
  arguments.addOption({QStringLiteral("out"), {}, QStringLiteral("file")});
  arguments.addOption({QStringLiteral("commit"), {}, QStringLiteral("name"), QStringLiteral("unknown")});
  arguments.addOption({QStringLiteral("models"), {}, QStringLiteral("folder")});
  arguments.addOption({QStringLiteral("scan"), {}, QStringLiteral("file")});
  arguments.addOption({QStringLiteral("rounds"), {}, QStringLiteral("number"), QString::number(kRounds)});
  arguments.addPositionalArgument(QStringLiteral("slides"), {});
  arguments.process(application);
  if (arguments.isSet(QStringLiteral("start")))
    return start_only(application, arguments.value(QStringLiteral("start")));
  setTheme(application, WindowTheme::kLight);
  const QStringList slides = arguments.positionalArguments();
  Table table;
  head(table, arguments.value(QStringLiteral("commit")));
  const QTemporaryDir many, few, job, soak;
  for (const QTemporaryDir* home : {&job, &soak}) {
    Settings settings(home->path());
    settings.setModelFolder(arguments.value(QStringLiteral("models")));
    settings.setNoticeSeen();
  }
  fill_cases(many.path());
  start_up(table, many.path(), "10 000 cases");
  start_up(table, few.path(), "no case");
  for (const QString& slide : slides)
    for (const QSize size : {QSize(1280, 800), QSize(1920, 1080)}) slide_feel(table, few.path(), slide, size);
  slices(table, false);
  slices(table, true);
  if (!slides.isEmpty()) {
    blocks(table, application, job.path(), slides.last());
    memory(table, soak.path(), slides + arguments.values(QStringLiteral("scan")),
           arguments.value(QStringLiteral("rounds")).toInt());
  }
  const QString out = arguments.value(QStringLiteral("out"));
  if (!out.isEmpty() && !table.save(out)) return 3;
  return 0;
}
