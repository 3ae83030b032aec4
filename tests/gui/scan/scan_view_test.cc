// The scan view with real mouse, wheel and keys, on files.
#include <gtest/gtest.h>

#include <QAbstractButton>
#include <QClipboard>
#include <QComboBox>
#include <QHeaderView>
#include <QLabel>
#include <QSignalSpy>
#include <QSlider>
#include <QWheelEvent>

#include <fstream>

#include <fovea/gui/scan_view.h>
#include <fovea/io/volume.h>

#include "scan/comparison_panel.h"
#include "scan/four_panes.h"
#include "scan/layer_panel.h"
#include "scan/lesion_table.h"
#include "scan/scan_scene.h"
#include "shared.h"
#include "support.h"

namespace fovea::gui {
namespace {

using test::wait_until;

QString text_of(const std::filesystem::path& path) {
  return QString::fromStdString(path.string());
}

/// A head as LAS file of 1 x 1 x 2 mm: a ball of 100 with a brighter box at the patient's left, and a mask of two
/// boxes.
class ScanViewTest : public test::WidgetTest {
 protected:
  static constexpr std::array<std::int64_t, 3> kSize{48, 56, 30};

  void SetUp() override {
    geometry_.size = kSize, geometry_.spacing_mm = {1, 1, 2};
    geometry_.origin_mm = {-24, 28, -30};
    geometry_.direction = {1, 0, 0, 0, -1, 0, 0, 0, 1};  // second axis towards anterior
    io::Volume volume{geometry_, {}};
    io::LabelVolume labels{geometry_, {}};
    for (std::int64_t k = 0; k < kSize[2]; ++k)
      for (std::int64_t j = 0; j < kSize[1]; ++j)
        for (std::int64_t i = 0; i < kSize[0]; ++i) {
          const auto p = geometry_.point_lps({double(i), double(j), double(k)});
          const bool head = std::hypot(p[0], p[1], p[2]) < 22;
          const bool large = i >= 32 && i < 38 && j >= 20 && j < 26 && k >= 14 && k < 18;
          const bool small = i >= 14 && i < 16 && j >= 36 && j < 38 && k >= 10 && k < 11;
          volume.values.push_back(large || small ? 180.F : head ? 100.F : 0.F);
          labels.values.push_back(large || small);
        }
    io::write_volume(folder_ / "t1.nii.gz", volume);
    std::filesystem::create_directory(folder_ / "result");
    io::write_label_map(folder_ / "result/segmentation.nii.gz", labels);
    for (float& v : volume.values) v = v > 150 ? 0.9F : 0;
    io::write_volume(folder_ / "result/probability.nii.gz", volume);
    view_.resize(1000, 760);
    view_.show();
    QObject::connect(&view_, &ScanView::failed,
                     [this](const QString& sentence, const QString&) { problem_ = sentence; });
  }

  void open(bool with_result) {
    view_.open(text_of(folder_ / "t1.nii.gz"));
    if (with_result) view_.showResult(text_of(folder_ / "result"));
    ASSERT_TRUE(wait_until([&] { return !view_.isBusy(); }));
    ASSERT_EQ(problem_, QString());
    QCoreApplication::processEvents();
  }

  FourPanes* panes() { return view_.findChild<FourPanes*>(); }
  SlicePane* pane(Plane plane) { return panes()->pane(plane); }
  LesionTable* table() { return view_.findChild<LesionTable*>(); }
  QString status() {
    for (QLabel* label : view_.findChildren<QLabel*>())
      if (label->accessibleName() == "Position and values") return label->text();
    return {};
  }
  static void wheel(QWidget* widget, int notches, Qt::KeyboardModifiers modifiers = {}) {
    const QPointF at = QRectF(widget->rect()).center();
    QWheelEvent event(at, widget->mapToGlobal(at), {}, {0, 120 * notches}, Qt::NoButton, modifiers, Qt::NoScrollPhase,
                      false);
    QCoreApplication::sendEvent(widget, &event);
  }
  /// "12 / 30" of a pane is also what its description says of the voxel.
  QString description(Plane plane) { return pane(plane)->accessibleDescription(); }

  test::TemporaryFolder folder_;
  io::Geometry geometry_;
  ScanView view_;
  QString problem_;
};

TEST_F(ScanViewTest, OpensAScanAndSaysWhereTheCrosshairIs) {
  QSignalSpy opened(&view_, &ScanView::opened);
  open(false);
  EXPECT_EQ(opened.count(), 1);
  EXPECT_TRUE(status().contains("LPS")) << status().toStdString();
  EXPECT_TRUE(status().contains("T1 100")) << status().toStdString();
  EXPECT_FALSE(table()->isVisible());
}

TEST_F(ScanViewTest, APatientsLeftIsOnTheRightOfTheAxialPane) {
  open(true);                                       // jumps to the largest lesion, which lies at the patient's left
  QTest::keyClick(pane(Plane::kAxial), Qt::Key_X);  // no line that is coloured too
  const QImage picture = pane(Plane::kAxial)->grab().toImage();
  long reddish_left = 0, reddish_right = 0;
  for (int y = 40; y < picture.height() - 40; ++y)
    for (int x = 20; x < picture.width() - 20; ++x) {
      const QColor c = picture.pixelColor(x, y);
      if (c.red() <= c.blue() + 60 || c.red() <= c.green() + 30) continue;
      if (x < picture.width() / 2)
        ++reddish_left;
      else
        ++reddish_right;
    }
  EXPECT_GT(reddish_right, 100);
  EXPECT_EQ(reddish_left, 0);
}

TEST_F(ScanViewTest, TheWheelAndKeysWalkThroughTheSlices) {
  open(false);
  SlicePane* axial = pane(Plane::kAxial);
  const QString before = status();
  wheel(axial, 1);
  EXPECT_TRUE(status().contains("voxel 24, 27, 16")) << status().toStdString();
  QTest::keyClick(axial, Qt::Key_Down);
  EXPECT_EQ(status(), before);
  QTest::keyClick(axial, Qt::Key_PageUp);
  EXPECT_TRUE(status().contains("voxel 24, 27, 25")) << status().toStdString();
  QTest::keyClick(axial, Qt::Key_End);
  EXPECT_TRUE(status().contains("voxel 24, 27, 29")) << status().toStdString();
  wheel(axial, 5);
  EXPECT_TRUE(status().contains("voxel 24, 27, 29")) << "stays inside";
}

TEST_F(ScanViewTest, AClickMovesTheCrosshairInAllPanes) {
  open(false);
  SlicePane* axial = pane(Plane::kAxial);
  QTest::mouseClick(axial, Qt::LeftButton, {}, axial->rect().center() + QPoint(60, 0));
  EXPECT_NE(description(Plane::kSagittal), QString());
  EXPECT_EQ(description(Plane::kSagittal), description(Plane::kAxial));
  EXPECT_EQ(status(), description(Plane::kAxial));
  // A click beside the slice is kept within it.
  QTest::mouseClick(axial, Qt::LeftButton, {}, QPoint(1, 1));
  EXPECT_TRUE(status().contains("voxel 0,")) << status().toStdString();
}

TEST_F(ScanViewTest, ADragSetsTheWindowAndWResetsIt) {
  open(false);
  SlicePane* axial = pane(Plane::kAxial);
  auto* preset = [&]() -> QComboBox* {
    for (QComboBox* box : view_.findChildren<QComboBox*>())
      if (box->accessibleName() == "Window preset") return box;
    return nullptr;
  }();
  ASSERT_NE(preset, nullptr);
  const QString first = preset->currentText(), before = status();
  QTest::mousePress(axial, Qt::LeftButton, {}, QPoint(100, 100));
  QTest::mouseMove(axial, QPoint(140, 130));
  QTest::mouseRelease(axial, Qt::LeftButton, {}, QPoint(140, 130));
  EXPECT_TRUE(preset->currentText().startsWith("Own")) << preset->currentText().toStdString();
  QTest::keyClick(axial, Qt::Key_W);
  EXPECT_EQ(preset->currentText(), first);
}

TEST_F(ScanViewTest, ADoubleClickMaximisesAndEscapeRestores) {
  open(false);
  QTest::mouseDClick(pane(Plane::kSagittal), Qt::LeftButton);
  EXPECT_TRUE(pane(Plane::kSagittal)->isVisible());
  EXPECT_FALSE(pane(Plane::kAxial)->isVisible());
  QCoreApplication::processEvents();
  EXPECT_GT(pane(Plane::kSagittal)->width(), panes()->width() - 8);
  QTest::keyClick(pane(Plane::kSagittal), Qt::Key_C);
  EXPECT_TRUE(pane(Plane::kCoronal)->isVisible());
  EXPECT_FALSE(pane(Plane::kSagittal)->isVisible());
  QTest::keyClick(pane(Plane::kCoronal), Qt::Key_Escape);
  for (const Plane plane : kPlanes) EXPECT_TRUE(pane(plane)->isVisible());
}

TEST_F(ScanViewTest, ZoomIsLinkedAndCentredOnTheMouse) {
  open(false);
  wheel(pane(Plane::kAxial), 2, Qt::ControlModifier);
  EXPECT_NEAR(pane(Plane::kAxial)->zoom(), 1.5625, 1e-9);
  EXPECT_NEAR(pane(Plane::kSagittal)->zoom(), 1.5625, 1e-9);
  QTest::keyClick(pane(Plane::kSagittal), Qt::Key_0);
  EXPECT_EQ(pane(Plane::kAxial)->zoom(), 1);
}

TEST_F(ScanViewTest, ARowJumpsToItsLesion) {
  QSignalSpy shown(&view_, &ScanView::resultShown), clicked(&view_, &ScanView::lesionClicked);
  open(true);
  ASSERT_EQ(shown.count(), 1);
  EXPECT_EQ(shown[0][0].toInt(), 2);
  ASSERT_TRUE(table()->isVisible());
  const QRect row = table()->visualRect(table()->model()->index(1, LesionModel::kVolume));
  QTest::mouseClick(table()->viewport(), Qt::LeftButton, {}, row.center());
  ASSERT_EQ(clicked.count(), 1);
  EXPECT_EQ(clicked[0][0].toInt(), 1);
  EXPECT_TRUE(status().contains("voxel 14, 36, 10") || status().contains("voxel 15, 37, 10") ||
              status().contains("voxel 14, 37, 10") || status().contains("voxel 15, 36, 10"))
      << status().toStdString();
  EXPECT_TRUE(status().contains("label 1"));
}

TEST_F(ScanViewTest, AClickOnALesionSelectsItsRow) {
  open(true);
  view_.selectLesion(1);
  SlicePane* axial = pane(Plane::kAxial);
  // Display index of the small lesion: the second axis runs to posterior, the file's to anterior.
  const QPoint small = axial->positionOf({14, 55 - 36, 10}).toPoint();
  wheel(axial, 5);  // away and back, with no row selected by it
  table()->clearSelection();
  wheel(axial, -5);
  view_.selectLesion(-1);
  QSignalSpy clicked(&view_, &ScanView::lesionClicked);
  QTest::mouseClick(axial, Qt::LeftButton, {}, small);
  ASSERT_EQ(clicked.count(), 1);
  EXPECT_EQ(clicked[0][0].toInt(), 1);
  const QModelIndexList rows = table()->selectionModel()->selectedRows();
  ASSERT_EQ(rows.size(), 1);
  EXPECT_EQ(rows[0].siblingAtColumn(LesionModel::kNumber).data().toString(), "2");
}

TEST_F(ScanViewTest, TheTableSortsByNumbersAndIsCopiedAsCsv) {
  open(true);
  table()->sortByColumn(LesionModel::kVolume, Qt::AscendingOrder);
  EXPECT_EQ(table()->model()->index(0, LesionModel::kNumber).data().toString(), "2");
  QTest::keyClick(table(), Qt::Key_C, Qt::ControlModifier);
  const QStringList lines = QGuiApplication::clipboard()->text().split('\n');
  ASSERT_GE(lines.size(), 3);
  EXPECT_TRUE(lines[0].startsWith("#,Label,\"Volume, ml\"")) << lines[0].toStdString();
  EXPECT_TRUE(lines[1].startsWith("2,label 1,0.008,")) << lines[1].toStdString();
  EXPECT_TRUE(lines[2].startsWith("1,label 1,0.288,")) << lines[2].toStdString();
}

TEST_F(ScanViewTest, HeldHHidesLabelsAndReleaseBringsThemBack) {
  open(true);
  SlicePane* axial = pane(Plane::kAxial);
  const QImage with = axial->grab().toImage();
  QTest::keyPress(axial, Qt::Key_H);
  const QImage without = axial->grab().toImage();
  QTest::keyRelease(axial, Qt::Key_H);
  EXPECT_NE(with, without);
  EXPECT_EQ(with, axial->grab().toImage());
}

TEST_F(ScanViewTest, TheProbabilityIsShownWithItsLegend) {
  open(true);
  auto* what = [&]() -> QComboBox* {
    for (QComboBox* box : view_.findChildren<QComboBox*>())
      if (box->accessibleName() == "What the colours show") return box;
    return nullptr;
  }();
  ASSERT_NE(what, nullptr);
  ASSERT_GE(what->findText("probability"), 1);
  what->setCurrentIndex(what->findText("probability"));
  Q_EMIT what->activated(what->currentIndex());
  ASSERT_TRUE(wait_until([&] { return !view_.isBusy(); }));
  EXPECT_EQ(what->currentText(), "probability");
  EXPECT_TRUE(status().contains("probability 0.900")) << status().toStdString();
  bool legend = false;
  for (QWidget* widget : view_.findChildren<QWidget*>())
    legend = legend ||
             (widget->isVisibleTo(&view_) && widget->accessibleName() == "Colour scale of probability, from 0.05 to 1");
  EXPECT_TRUE(legend);
}

TEST_F(ScanViewTest, ASurfaceIsTurnedAndALesionPickedOnIt) {
  open(true);
  SurfacePane* surface = panes()->surface();
  const QImage before = surface->grab().toImage();
  QTest::mousePress(surface, Qt::LeftButton, {}, QPoint(50, 50));
  QTest::mouseMove(surface, QPoint(90, 60));
  QTest::mouseRelease(surface, Qt::LeftButton, {}, QPoint(90, 60));
  EXPECT_NEAR(surface->camera().turn, 10, 1e-9);
  EXPECT_NE(before, surface->grab().toImage());
  view_.selectLesion(1);
  surface->setView(0, 0);
  surface->grab();
  const auto large = geometry_.point_lps({34.5, 22.5, 15.5});
  const QVector3D at =
      surface->camera().to_picture({float(large[0]), float(large[1]), float(large[2])}, surface->size());
  QSignalSpy clicked(&view_, &ScanView::lesionClicked);
  QTest::mouseClick(surface, Qt::LeftButton, {}, QPoint(int(at.x()), int(at.y())));
  ASSERT_EQ(clicked.count(), 1);
  EXPECT_EQ(clicked[0][0].toInt(), 0);
}

TEST_F(ScanViewTest, ADamagedFileIsOneSentenceWithoutAPath) {
  std::ofstream(folder_ / "Doe_Jane.nii.gz") << "no volume";
  view_.open(text_of(folder_ / "Doe_Jane.nii.gz"));
  ASSERT_TRUE(wait_until([&] { return !view_.isBusy(); }));
  EXPECT_FALSE(problem_.isEmpty());
  EXPECT_FALSE(problem_.contains("Doe")) << problem_.toStdString();
  for (QLabel* label : view_.findChildren<QLabel*>()) EXPECT_FALSE(label->text().contains("Doe"));
  // And the next one opens.
  problem_.clear();
  open(false);
  EXPECT_TRUE(status().contains("LPS"));
}

TEST_F(ScanViewTest, AnotherScanReplacesTheResultToo) {
  open(true);
  EXPECT_EQ(view_.lesionCount(), 2);
  open(false);
  EXPECT_EQ(view_.lesionCount(), 0);
  EXPECT_FALSE(table()->isVisible());
}

TEST_F(ScanViewTest, TwoTimePointsFollowEachOther) {
  std::ofstream(folder_ / "growth.json") << R"({"fovea_growth":1,"days":184,"total":{"verdict":"grown","before_ml":0.2,
    "after_ml":0.296,"change_ml":0.096,"change_uncertainty_ml":0.03,"change_percent":48.0,"doubling_days":325},
    "lesions":[{"verdict":"grown","before_ml":0.2,"after_ml":0.288,"change_ml":0.088,"change_uncertainty_ml":0.03,
    "change_percent":44.0,"doubling_days":350,"centroid_lps_mm":[10.5,5.5,1.0]}],"notices":[]})";
  open(true);
  view_.compareWith(text_of(folder_ / "t1.nii.gz"), text_of(folder_ / "result"), text_of(folder_ / "growth.json"));
  ASSERT_TRUE(wait_until([&] { return !view_.isBusy(); }));
  ASSERT_EQ(problem_, QString());
  auto* comparison = view_.findChild<ComparisonPanel*>();
  ASSERT_TRUE(comparison->isVisible());
  wheel(comparison->earlierPane(), 3);
  EXPECT_EQ(comparison->earlierPane()->accessibleDescription().section(" ·", 0, 1),
            comparison->laterPane()->accessibleDescription().section(" ·", 0, 1));
  wheel(comparison->laterPane(), 1, Qt::ControlModifier);
  EXPECT_NEAR(comparison->earlierPane()->zoom(), 1.25, 1e-9);
  bool summary = false;
  for (QLabel* label : comparison->findChildren<QLabel*>())
    summary = summary || label->text() == "0.200 ml, 184 days later 0.296 ml: +0.096 ± 0.030 ml (+48.0 %), grown";
  EXPECT_TRUE(summary);
  auto* growth = comparison->findChild<QTableView*>();
  QTest::mouseClick(growth->viewport(), Qt::LeftButton, {}, growth->visualRect(growth->model()->index(1, 1)).center());
  EXPECT_TRUE(status().contains("LPS 1") && status().contains("voxel 3")) << status().toStdString();
  view_.endComparison();
  EXPECT_TRUE(panes()->isVisible());
}

TEST_F(ScanViewTest, ClosedWhileReadingIsQuiet) {
  auto view = std::make_unique<ScanView>();
  view->show();
  view->open(text_of(folder_ / "t1.nii.gz"));
  view->showResult(text_of(folder_ / "result"));
  view.reset();
  QCoreApplication::processEvents();
}

TEST_F(ScanViewTest, MouseEventsAnywhereDoNoHarm) {
  open(true);
  unsigned seed = 7;
  const auto next = [&](int below) { return int((seed = seed * 1664525u + 1013904223u) >> 8) % below; };
  std::vector<QWidget*> targets{panes()->surface()};
  for (const Plane plane : kPlanes) targets.push_back(pane(plane));
  for (int n = 0; n < 400; ++n) {
    QWidget* target = targets[static_cast<std::size_t>(next(4))];
    const QPoint from(next(900) - 200, next(900) - 200), to(next(900) - 200, next(900) - 200);
    const Qt::MouseButton button = n % 3 == 0 ? Qt::LeftButton : n % 3 == 1 ? Qt::RightButton : Qt::MiddleButton;
    const Qt::KeyboardModifiers modifiers = n % 5 == 0   ? Qt::ShiftModifier
                                            : n % 7 == 0 ? Qt::ControlModifier
                                                         : Qt::NoModifier;
    QTest::mousePress(target, button, modifiers, from);
    QTest::mouseMove(target, to);
    QTest::mouseRelease(target, button, modifiers, to);
    wheel(target, next(9) - 4, modifiers);
  }
  view_.grab();
  EXPECT_TRUE(status().contains("LPS"));
}

TEST_F(ScanViewTest, EveryControlIsNamedLargeEnoughAndReachedByTab) {
  open(true);
  view_.addSequence(text_of(folder_ / "t1.nii.gz"));
  ASSERT_TRUE(wait_until([&] { return !view_.isBusy(); }));
  QCoreApplication::processEvents();
  int controls = 0;
  for (QWidget* widget : view_.findChildren<QWidget*>()) {
    if (!widget->isVisible() || widget->focusPolicy() == Qt::NoFocus) continue;
    if (qobject_cast<QScrollArea*>(widget) || widget->inherits("QHeaderView") ||
        widget->inherits("QComboBoxPrivateContainer"))
      continue;
    ++controls;
    const auto* button = qobject_cast<QAbstractButton*>(widget);
    EXPECT_FALSE(widget->accessibleName().isEmpty() && (!button || button->text().isEmpty()))
        << widget->metaObject()->className();
    EXPECT_GE(widget->height(), 24) << widget->accessibleName().toStdString();
    EXPECT_GE(widget->width(), 24) << widget->accessibleName().toStdString();
  }
  EXPECT_GT(controls, 15);
  // Tab visits the panes first, in reading order, and comes round.
  pane(Plane::kAxial)->setFocus();
  std::vector<QWidget*> visited;
  for (int n = 0; n < 60; ++n) {
    QTest::keyClick(QApplication::focusWidget(), Qt::Key_Tab);
    if (QApplication::focusWidget() == pane(Plane::kAxial)) break;
    visited.push_back(QApplication::focusWidget());
  }
  ASSERT_GE(visited.size(), 10u);
  EXPECT_EQ(visited[0], pane(Plane::kSagittal));
  EXPECT_EQ(visited[1], pane(Plane::kCoronal));
  EXPECT_EQ(visited[2], panes()->surface());
  EXPECT_TRUE(std::find(visited.begin(), visited.end(), table()) != visited.end());
  EXPECT_EQ(QApplication::focusWidget(), pane(Plane::kAxial)) << "no trap";
}

TEST_F(ScanViewTest, PaneColoursCanBeReadOnBlack) {
  const auto channel = [](double c) { return c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); };
  for (const Plane plane : kPlanes) {
    const QColor c = plane_colour(plane);
    const double luminance = 0.2126 * channel(c.redF()) + 0.7152 * channel(c.greenF()) + 0.0722 * channel(c.blueF());
    EXPECT_GE((luminance + 0.05) / 0.05, 4.5) << plane_name(plane).toStdString();
  }
}

}  // namespace
}  // namespace fovea::gui
