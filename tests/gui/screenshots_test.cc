// Pictures of the window for docs/images and for people to look at: FOVEA_SCREENSHOTS=folder fovea_gui_test
// --gtest_filter=Screenshots.* ; QT_SCALE_FACTOR=2 for 200 %, FOVEA_SCREENSHOTS_LANGUAGE=fr for French.
#include <QComboBox>
#include <QListView>
#include <QPushButton>
#include <QTabWidget>
#include <QTextBrowser>
#include <QTranslator>

#include <cstdlib>

#include <fovea/gui/desktop.h>
#include <fovea/gui/main_window.h>
#include <fovea/gui/scan_view.h>

#include "encoder.h"
#include "gui_test.h"
#include "model/session.h"
#include "widgets/slide_canvas.h"

namespace fovea::gui {
namespace {

using test::wait_for;

void save(MainWindow& window, const QString& folder, const QString& name) {
  for (const QSize size : {QSize(1280, 800), QSize(1920, 1080)}) {
    window.resize(size);
    auto* canvas = window.findChild<SlideCanvas*>();
    QTest::qWait(150);
    if (canvas->tiles()) wait_for([&] { return canvas->tiles()->idle(); });
    QTest::qWait(900);
    const QString file = QStringLiteral("%1/%2-%3.png").arg(folder, name).arg(size.width());
    EXPECT_TRUE(window.grab().save(file)) << file.toStdString();
  }
}

TEST(Screenshots, AreTaken) {
  const QString folder = qEnvironmentVariable("FOVEA_SCREENSHOTS");
  if (folder.isEmpty()) GTEST_SKIP() << "set FOVEA_SCREENSHOTS to a folder";
  QDir().mkpath(folder);
  auto& app = test::application();
  setenv("FOVEA_ENCODERS", fovea::test::encoder_folder().c_str(), 1);
  QTemporaryDir home;
  {
    Settings settings(home.path());
    settings.setModelFolder(test::source_file("demo/models"));
    settings.setNoticeSeen();
  }
  setTheme(app, WindowTheme::kLight);
  const QString language = qEnvironmentVariable("FOVEA_SCREENSHOTS_LANGUAGE", "en");
  installLanguage(app, language);
  MainWindow window(home.path());
  window.show();
  window.activateWindow();
  (void)QTest::qWaitForWindowActive(&window);
  save(window, folder, QStringLiteral("start-light"));
  QStringList paths{QString::fromStdString((fovea::test::deps_dir() / "demo/cmu_small_region.svs").string())};
  const auto shared = fovea::test::shared_dir() / "data";
  for (const char* more : {"wsi/mosaic-40x-levels-1-4-16.svs", "wsi/TCGA-CR-7395-01A-01-TS1-jp2k-nompp.svs",
                           "wsi/hamamatsu-dapi-387.ndpi", "mri/t1-dicom"})
    if (std::filesystem::exists(shared / more)) paths << QString::fromStdString((shared / more).string());
  window.addPaths(paths);
  auto* canvas = window.findChild<SlideCanvas*>();
  ASSERT_TRUE(wait_for([&] { return canvas->hasSlide(); }));
  auto* start = window.findChild<QPushButton*>(QStringLiteral("start"));
  ASSERT_TRUE(wait_for([&] { return start->isEnabled(); }));
  save(window, folder, QStringLiteral("run-light"));
  start->click();
  ASSERT_TRUE(wait_for([&] { return window.session().result() != nullptr; }, 280'000));
  auto* list = window.findChild<QListView*>(QStringLiteral("patches"));
  ASSERT_TRUE(wait_for([&] { return list->model()->rowCount() > 0; }));
  QTest::qWait(3000);
  for (const auto theme : {WindowTheme::kLight, WindowTheme::kDark}) {
    setTheme(app, theme);
    const QString suffix = theme == WindowTheme::kDark ? QStringLiteral("dark") : QStringLiteral("light");
    canvas->fit();
    save(window, folder, QStringLiteral("slide-") + suffix);
    list->setCurrentIndex(list->model()->index(1, 0));
    save(window, folder, QStringLiteral("patch-") + suffix);
    QTest::keyClick(&window, Qt::Key_2, Qt::ControlModifier);
    save(window, folder, QStringLiteral("report-") + suffix);
    QTest::keyClick(&window, Qt::Key_3, Qt::ControlModifier);
    save(window, folder, QStringLiteral("queue-") + suffix);
    QTest::keyClick(&window, Qt::Key_1, Qt::ControlModifier);
  }
  auto* scan = window.findChild<ScanView*>();
  auto* cases = window.findChild<QListView*>(QStringLiteral("cases"));
  for (int row = 0; row < cases->model()->rowCount(); ++row) {
    if (cases->model()->index(row, 0).data(CaseListModel::kKind).toInt() != static_cast<int>(CaseKind::kScan)) continue;
    cases->setCurrentIndex(cases->model()->index(row, 0));
    ASSERT_TRUE(wait_for([&] { return !scan->isBusy(); }, 60'000));
    for (const auto theme : {WindowTheme::kLight, WindowTheme::kDark}) {
      setTheme(app, theme);
      save(window, folder, theme == WindowTheme::kDark ? QStringLiteral("scan-dark") : QStringLiteral("scan-light"));
    }
  }
  for (QTranslator* translator : app.findChildren<QTranslator*>()) delete translator;
}

}  // namespace
}  // namespace fovea::gui
