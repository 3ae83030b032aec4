// What happens to the window when the world around it fails: no data lost, one sentence, no name shown.
#include <QAbstractButton>
#include <QAccessible>
#include <QCloseEvent>
#include <QDirIterator>
#include <QLabel>
#include <QListView>
#include <QMessageBox>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTextBrowser>
#include <QTimer>

#include <cctype>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include <sys/resource.h>

#include <fovea/base/error.h>
#include <fovea/gui/desktop.h>
#include <fovea/gui/main_window.h>
#include <fovea/gui/scan_view.h>

#include "encoder.h"
#include "gui_test.h"
#include "model/attention_view.h"
#include "model/run_request.h"
#include "model/session.h"
#include "widgets/report_page.h"
#include "widgets/slide_canvas.h"

namespace fovea::gui {
namespace {

using test::wait_for;

/// No file of this process can grow beyond `bytes`: what a full disk does, without one.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

/// Processes that this one started and that read slides.
std::vector<pid_t> slide_readers() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    if (!std::isdigit(static_cast<unsigned char>(entry.path().filename().string().front()))) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    const auto open = text.find('('), close = text.rfind(')');
    if (open == std::string::npos || close == std::string::npos) continue;
    char state = 0;
    int parent = 0;
    if (std::sscanf(text.c_str() + close + 1, " %c %d", &state, &parent) != 2) continue;
    if (parent == getpid() && text.substr(open + 1, 11) == "fovea-slide") found.push_back(std::stoi(text));
  }
  return found;
}

class RobustnessTest : public testing::Test {
 protected:
  void SetUp() override {
    test::application();
    demo_ = QString::fromStdString((fovea::test::deps_dir() / "demo/cmu_small_region.svs").string());
    if (!QFileInfo::exists(demo_)) GTEST_SKIP() << "no demo slide; ./run deps fetches it";
    QLocale::setDefault(QLocale::c());
    Settings settings(home_.path());
    settings.setModelFolder(test::source_file("demo/models"));
    settings.setNoticeSeen();
    settings.file().sync();
    openWindow();
  }
  void openWindow() {
    window_ = std::make_unique<MainWindow>(home_.path());
    window_->resize(1000, 700);
    window_->show();
    canvas_ = window_->findChild<SlideCanvas*>();
    QObject::connect(&session(), &Session::failed, window_.get(), [this](const QString& s) { said_ = s; });
    QObject::connect(&session(), &Session::added, window_.get(), [this](const auto&, const QStringList& problems) {
      if (!problems.isEmpty()) said_ = problems.first();
    });
  }
  Session& session() { return window_->session(); }
  /// A copy of the demo slide that a test may remove.
  QString slide(const QString& name) {
    const QString path = files_.filePath(name);
    QDir().mkpath(QFileInfo(path).path());
    EXPECT_TRUE(QFile::copy(demo_, path));
    return path;
  }
  void open(const QString& path) {
    window_->addPaths({path});
    ASSERT_TRUE(wait_for([&] { return canvas_->hasSlide(); })) << said_.toStdString();
    ASSERT_TRUE(wait_for([&] { return canvas_->tiles()->idle(); }));
  }
  bool startRun() {
    const std::string encoders = fovea::test::encoder_folder();
    if (encoders.empty()) return false;
    setenv("FOVEA_ENCODERS", encoders.c_str(), 1);
    auto* start = window_->findChild<QPushButton*>(QStringLiteral("start"));
    if (!wait_for([&] { return start->isEnabled(); })) return false;
    QTest::mouseClick(start, Qt::LeftButton);
    return wait_for(
        [&] {
          const auto* run = session().queue().running();
          return run && run->stage.contains(QStringLiteral("tiles"));
        },
        120'000);
  }

  QTemporaryDir home_, files_;
  QString demo_, said_;
  std::unique_ptr<MainWindow> window_;
  SlideCanvas* canvas_ = nullptr;
};

TEST_F(RobustnessTest, ADecoderThatDiesTakesNeitherTheWindowNorTheSlideWithIt) {
  open(slide(QStringLiteral("a.svs")));
  const auto readers = slide_readers();
  ASSERT_FALSE(readers.empty()) << "slides are read by a process of their own";
  for (const pid_t reader : readers) kill(reader, SIGKILL);
  canvas_->zoomTo(1);
  for (const double x : {300.0, 900.0, 1500.0, 2000.0})
    for (const double y : {300.0, 1200.0, 2000.0, 2700.0}) {
      canvas_->centreOn({x, y});
      ASSERT_TRUE(wait_for([&] { return canvas_->tiles()->idle(); }));
    }
  // One tile may have been lost with its reader; the next reader reads the others.
  int shown = 0, lost = 0;
  for (int column = 0; column < 8; ++column)
    for (int row = 0; row < 11; ++row)
      shown += canvas_->tiles()->has({0, column, row}), lost += canvas_->tiles()->failed({0, column, row});
  EXPECT_GT(shown, 40);
  EXPECT_LE(lost, 4);
}

TEST_F(RobustnessTest, ASlideRemovedWhileItIsOpenIsOneSentenceAndTheRestGoesOn) {
  const QString path = slide(QStringLiteral("a.svs"));
  open(path);
  ASSERT_TRUE(QFile::remove(path));
  for (const pid_t reader : slide_readers()) kill(reader, SIGKILL);  // it may hold the file still
  QString tile_failure;
  QObject::connect(canvas_, &SlideCanvas::tileFailed, window_.get(), [&](const QString& s) { tile_failure = s; });
  canvas_->zoomTo(2);
  canvas_->centreOn({1700, 2500});
  ASSERT_TRUE(wait_for([&] { return canvas_->tiles()->idle(); }));
  EXPECT_FALSE(tile_failure.isEmpty());
  EXPECT_FALSE(tile_failure.contains(files_.path())) << tile_failure.toStdString();
  EXPECT_FALSE(canvas_->grab().isNull()) << "hatched";
  window_->addPaths({slide(QStringLiteral("b.svs"))});
  ASSERT_TRUE(wait_for([&] { return session().cases().count() == 2 && session().current()->id == 2; }));
  EXPECT_TRUE(wait_for([&] { return canvas_->hasSlide() && canvas_->tiles()->idle(); }));
}

TEST_F(RobustnessTest, AScanRemovedWhileItIsOpenStays) {
  const std::string source = "/usr/share/mricron/templates/ch2.nii.gz";
  if (!std::filesystem::exists(source)) GTEST_SKIP() << "no " << source;
  const QString path = files_.filePath(QStringLiteral("t1.nii.gz"));
  ASSERT_TRUE(QFile::copy(QString::fromStdString(source), path));
  auto* scan = window_->findChild<ScanView*>();
  bool opened = false;
  QObject::connect(scan, &ScanView::opened, window_.get(), [&] { opened = true; });
  window_->addPaths({path});
  ASSERT_TRUE(wait_for([&] { return opened; }, 60'000));
  ASSERT_TRUE(QFile::remove(path));
  EXPECT_FALSE(scan->picture().isNull());
  bool missing = false;
  QObject::connect(&session(), &Session::sourceMissing, window_.get(), [&] { missing = true; });
  const qint64 id = session().current()->id;
  session().close();
  session().open(id);
  EXPECT_TRUE(missing) << "and can be located again";
}

TEST_F(RobustnessTest, AFullDiskLosesNothingThatWasThere) {
  const QString path = slide(QStringLiteral("a.svs"));
  open(path);
  const QString report = home_.filePath(QStringLiteral("tiles.csv"));
  std::ofstream(report.toStdString()) << "old";
  auto* page = window_->findChild<ReportPage*>();
  ReportContent content;
  auto result = std::make_shared<pipeline::SlideResult>();
  result->json = std::string(100'000, ' ');
  content.pseudonym = QStringLiteral("S-0001"), content.result = result;
  page->show(content);
  QString problem;
  bool saved = false;
  QObject::connect(page, &ReportPage::failed, window_.get(), [&](const QString& s) { problem = s; });
  QObject::connect(page, &ReportPage::saved, window_.get(), [&] { saved = true; });
  QStringList many;
  QDir().mkpath(files_.filePath(QStringLiteral("more")));
  for (int i = 0; i < 200; ++i) {
    many << files_.filePath(QStringLiteral("more/%1.svs").arg(i));
    QFile::link(demo_, many.back());
  }
  {
    // No expectation in here: what it would print may have no room either.
    const FullDisk full(4096);
    page->save(ReportPage::Format::kJson, report);
    wait_for([&] { return saved || !problem.isEmpty(); });
    said_.clear();
    window_->addPaths(many);
    wait_for([&] { return !said_.isEmpty() || session().cases().count() == 201; }, 60'000);
  }
  EXPECT_FALSE(saved);
  EXPECT_TRUE(problem.contains(QStringLiteral("written"))) << problem.toStdString();
  EXPECT_FALSE(problem.contains(home_.path())) << problem.toStdString();
  EXPECT_FALSE(said_.isEmpty()) << "the case list could not grow, and says so";
  std::ifstream kept(report.toStdString());
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(kept)), {}), "old");
  EXPECT_EQ(session().cases().count(), 1);
  window_.reset();
  openWindow();
  EXPECT_EQ(session().cases().count(), 1) << "the list on the disk is whole";
}

TEST_F(RobustnessTest, ClosingDuringARunAsksAndLeavesNothingPartial) {
  open(slide(QStringLiteral("a.svs")));
  if (!startRun()) GTEST_SKIP() << "no encoder; ./run deps fetches it";
  const auto answer = [](QMessageBox::StandardButton button) {
    QTimer::singleShot(200, [button] {
      auto* box = qobject_cast<QMessageBox*>(QApplication::activeModalWidget());
      ASSERT_NE(box, nullptr) << "closing asks";
      QTest::mouseClick(box->button(button), Qt::LeftButton);
    });
  };
  answer(QMessageBox::Cancel);
  EXPECT_FALSE(window_->close());
  EXPECT_NE(session().queue().running(), nullptr) << "the run goes on";
  answer(QMessageBox::Close);
  EXPECT_TRUE(window_->close());
  QElapsedTimer clock;
  clock.start();
  window_.reset();
  EXPECT_LT(clock.elapsed(), 10'000) << "2 s on an idle machine";
  openWindow();
  ASSERT_EQ(session().cases().count(), 1);
  const CaseRecord record = *session().cases().at(session().cases().index(0));
  EXPECT_EQ(record.state, CaseState::kNew);
  EXPECT_TRUE(record.result.isEmpty());
  EXPECT_TRUE(QDir(session().settings().resultFolder() + QStringLiteral("/S-0001/slide-demo-acmil")).isEmpty());
}

TEST_F(RobustnessTest, ASecondWindowOnTheSameListIsRefusedAndTheFirstWorksOn) {
  try {
    MainWindow second(home_.path());
    FAIL() << "two windows on one list";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_FALSE(std::string(error.what()).empty());
  }
  open(slide(QStringLiteral("a.svs")));
}

TEST_F(RobustnessTest, ASlideTurnedByHalfIsDrawnWhereItLiesAtEveryZoom) {
  open(slide(QStringLiteral("a.svs")));
  auto attention = std::make_shared<pipeline::AttentionResult>();
  for (int i = 0; i < 100; ++i) {
    attention->coords.push_back(200 * (i % 10)), attention->coords.push_back(200 * (i / 10));
    attention->softmax.push_back(0.0001F * static_cast<float>(i));
  }
  attention->branches = 1, attention->footprint_px = 200;
  canvas_->setAttention(attentionView(attention, {-1, "minmax"}));
  std::uint32_t seed = 1;
  const auto random = [&](int below) { return static_cast<int>((seed = seed * 1664525 + 1013904223) >> 8) % below; };
  for (int i = 0; i < 300; ++i) {  // read outside its pictures, and crashed, before
    if (i % 20 == 0) canvas_->rotateBy(90);
    canvas_->zoomTo(0.1 + random(1000) / 100.0);
    canvas_->centreOn(QPointF(random(2220), random(2967)));
    canvas_->repaint();
    QApplication::processEvents();
  }
  canvas_->rotateBy(-canvas_->viewport().rotation());
  canvas_->setAttention(nullptr);
  canvas_->zoomTo(8);
  canvas_->centreOn({1000.5, 1500.5});
  ASSERT_TRUE(wait_for([&] { return canvas_->tiles()->idle(); }));
  const auto colour = [&](int x, int y) {
    return canvas_->picture().pixelColor(canvas_->viewport().toScreen().map(QPointF(x + 0.5, y + 0.5)).toPoint());
  };
  std::vector<QColor> upright, turned;
  for (int step = -6; step <= 6; ++step) upright.push_back(colour(1000 + step, 1500 - 2 * step));
  canvas_->rotateBy(180);
  ASSERT_TRUE(wait_for([&] { return canvas_->tiles()->idle(); }));
  for (int step = -6; step <= 6; ++step) turned.push_back(colour(1000 + step, 1500 - 2 * step));
  EXPECT_EQ(upright, turned);
}

TEST_F(RobustnessTest, APathOf40000LettersIsOneSentence) {
  window_->addPaths({QLatin1Char('/') + QString(40'000, QLatin1Char('x')) + QStringLiteral(".svs")});
  ASSERT_TRUE(wait_for([&] { return !said_.isEmpty(); }));
  EXPECT_LT(said_.size(), 300);
  EXPECT_FALSE(said_.contains(QStringLiteral("xxx")));
  EXPECT_FALSE(said_.contains(QStringLiteral("Unexpected"))) << said_.toStdString();
  QString deep = QStringLiteral("/tmp");
  for (int i = 0; i < 300; ++i) deep += QStringLiteral("/a folder within a folder %1").arg(i);
  said_.clear();
  window_->addPaths({deep + QStringLiteral("/a.svs")});
  ASSERT_TRUE(wait_for([&] { return !said_.isEmpty(); }));
  EXPECT_LT(said_.size(), 300);
  open(slide(QStringLiteral("a.svs")));
}

TEST_F(RobustnessTest, AFolderOfThousandsOfSlidesLeavesTheWindowAwake) {
  QDir().mkpath(files_.filePath(QStringLiteral("many")));
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(QFile::link(demo_, files_.filePath(QStringLiteral("many/%1.svs").arg(i))));
  auto& app = test::application();
  app.reset();
  window_->addPaths({files_.filePath(QStringLiteral("many"))});
  ASSERT_TRUE(wait_for([&] { return session().cases().count() == 2000; }, 120'000)) << said_.toStdString();
  EXPECT_LT(app.worst_block_ms, 50) << app.worst_event.constData();
  auto* list = window_->findChild<QListView*>(QStringLiteral("cases"));
  EXPECT_EQ(list->model()->rowCount(), 2000);
  EXPECT_EQ(list->model()->index(0, 0).data().toString(), QStringLiteral("S-2000")) << "newest first";
}

TEST_F(RobustnessTest, RightToLeftNamesOpenAndAreShownOnlyWhenAllowed) {
  open(slide(QStringLiteral("مريض ١/שם פרטי.svs")));
  auto* list = window_->findChild<QListView*>(QStringLiteral("cases"));
  const QModelIndex row = list->model()->index(0, 0);
  EXPECT_FALSE(row.data(CaseListModel::kSubtitle).toString().contains(QStringLiteral("שם")));
  session().cases().setNamesShown(true);
  EXPECT_EQ(list->model()->index(0, 0).data(CaseListModel::kSubtitle).toString(), QStringLiteral("שם פרטי.svs"));
  EXPECT_FALSE(list->grab().isNull());
}

/// All that the window says, aloud or not.
QString everything(const MainWindow& window) {
  QString all = window.windowTitle();
  for (const QWidget* widget : window.findChildren<QWidget*>()) {
    all += widget->toolTip() + widget->accessibleName() + widget->accessibleDescription() + widget->windowTitle() +
           widget->statusTip() + widget->objectName() + QLatin1Char('\n');
    if (const auto* label = qobject_cast<const QLabel*>(widget)) all += label->text();
    if (const auto* button = qobject_cast<const QAbstractButton*>(widget)) all += button->text();
    if (const auto* text = qobject_cast<const QTextBrowser*>(widget)) all += text->toPlainText();
    if (const auto* text = qobject_cast<const QPlainTextEdit*>(widget)) all += text->toPlainText();
    const auto* view = qobject_cast<const QAbstractItemView*>(widget);
    for (int row = 0; view && view->model() && row < view->model()->rowCount(); ++row)
      for (int column = 0; column < view->model()->columnCount(); ++column)
        for (int role = 0; role < Qt::UserRole + 10; ++role)
          all += view->model()->index(row, column).data(role).toString();
  }
  return all;
}

TEST_F(RobustnessTest, ANameInAPathIsShownNowhereAndNamesNoFile) {
  const QString mark = QStringLiteral("Meier_Anna");
  open(slide(mark + QStringLiteral("/") + mark + QStringLiteral(".svs")));
  const bool ran = startRun();
  EXPECT_FALSE(everything(*window_).contains(mark));
  if (ran) {
    EXPECT_FALSE(session().queue().logOf(0).contains(mark)) << session().queue().logOf(0).toStdString();
    EXPECT_FALSE(session().queue().run(0).stage.contains(mark));
  }
  for (const QString& folder : {home_.path(), QDir::tempPath()})
    for (QDirIterator it(folder, QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot, QDirIterator::Subdirectories);
         it.hasNext();) {
      const QString path = it.next();
      if (!path.startsWith(files_.path())) {
        EXPECT_FALSE(path.contains(mark)) << path.toStdString();
      }
    }
  // A failed run is told without it too.
  if (ran) {
    session().queue().cancelRunning();
    ASSERT_TRUE(wait_for([&] { return !session().queue().running(); }, 30'000));
  }
  const qint64 id = session().current()->id;
  QFile::remove(session().current()->path);
  pipeline::JobRequest request =
      session().queue().rowCount() > 0 ? session().queue().run(0).request : runRequest(*session().current(), {});
  session().run(id, request);
  ASSERT_TRUE(wait_for([&] { return !session().queue().running(); }, 60'000));
  EXPECT_FALSE(said_.isEmpty());
  EXPECT_FALSE(said_.contains(mark)) << said_.toStdString();
  // What is looked at before the start says what is wrong without the path.
  session().close();
  session().open(id);
  auto* checks = window_->findChild<QLabel*>(QStringLiteral("checks"));
  ASSERT_TRUE(wait_for([&] { return checks->text().contains(QStringLiteral("no such slide")); }))
      << checks->text().toStdString();
  EXPECT_FALSE(everything(*window_).contains(mark));
}

}  // namespace
}  // namespace fovea::gui
