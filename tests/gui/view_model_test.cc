// View models without widgets: geometry, cache, colours, units, requests.
#include <cmath>

#include "gui_test.h"
#include "model/attention_view.h"
#include "model/run_queue.h"
#include "model/run_request.h"
#include "model/tile_loader.h"
#include "model/units.h"
#include "model/viewport.h"

namespace fovea::gui {
namespace {

Viewport viewport() {
  Viewport view;
  view.setScreen({800, 600});
  view.setSlide({0, 0, 40000, 20000});
  return view;
}

void expect_near(const QPointF& a, const QPointF& b) {
  EXPECT_NEAR(a.x(), b.x(), 1e-6);
  EXPECT_NEAR(a.y(), b.y(), 1e-6);
}

TEST(Viewport, FitsTheWholeSlide) {
  const Viewport view = viewport();
  expect_near(view.centre(), {20000, 10000});
  EXPECT_EQ(view.visible(), QRectF(0, 0, 40000, 20000));
}

TEST(Viewport, ZoomingKeepsThePointUnderTheMouseEvenWhenTurned) {
  Viewport view = viewport();
  view.rotateTo(37);
  view.zoomTo(0.1);
  const QPointF mouse(500, 250), before = view.toSlide(mouse);
  view.zoomTo(0.35, mouse);
  expect_near(view.toSlide(mouse), before);
  EXPECT_DOUBLE_EQ(view.zoom(), 0.35);
}

TEST(Viewport, ScreenAndSlideAreInverse) {
  Viewport view = viewport();
  view.rotateTo(-90);
  EXPECT_DOUBLE_EQ(view.rotation(), 270);
  view.zoomTo(0.2);
  expect_near(view.toScreen().map(view.toSlide({123, 456})), {123, 456});
}

TEST(Viewport, TheMiddleStaysOnTheSlideAndZoomWithinBounds) {
  Viewport view = viewport();
  view.panBy({-1e9, 1e9});
  expect_near(view.centre(), {40000, 0});
  view.zoomTo(1e9);
  EXPECT_DOUBLE_EQ(view.zoom(), view.maxZoom());
  view.zoomTo(0);
  EXPECT_DOUBLE_EQ(view.zoom(), view.minZoom());
}

TEST(Viewport, TheLevelNeverHasFewerPixelsThanTheScreenByMuch) {
  const std::vector<double> levels{1, 2, 4, 8};
  EXPECT_EQ(levelFor(levels, 2), 0);
  EXPECT_EQ(levelFor(levels, 1), 0);
  EXPECT_EQ(levelFor(levels, 0.5), 1);
  EXPECT_EQ(levelFor(levels, 0.26), 2);
  EXPECT_EQ(levelFor(levels, 0.01), 3);
}

TEST(TileCache, HoldsNoMoreThanItsBytesAndDropsWhatWasUsedLeast) {
  const QImage tile(256, 256, QImage::Format_RGB32);
  TileCache cache(4 * tile.sizeInBytes());
  for (int i = 0; i < 4; ++i) cache.insert({0, i, 0}, tile.copy());
  EXPECT_FALSE(cache.find({0, 0, 0}).isNull());  // used: stays
  cache.insert({0, 9, 0}, tile.copy());
  EXPECT_LE(cache.bytes(), 4 * tile.sizeInBytes());
  EXPECT_TRUE(cache.contains({0, 0, 0}));
  EXPECT_FALSE(cache.contains({0, 1, 0}));
  cache.setLimit(tile.sizeInBytes());
  EXPECT_EQ(cache.bytes(), tile.sizeInBytes());
}

TEST(ColouredRaster, IsTransparentWhereNoTileLies) {
  pipeline::AttentionRaster raster;
  raster.width = 3, raster.height = 1;
  raster.value = {0.0F, std::nanf(""), 1.0F};
  const QImage image = colouredRaster(raster, "viridis");
  EXPECT_EQ(image.pixelColor(0, 0), QColor(68, 1, 84));
  EXPECT_EQ(image.pixelColor(1, 0).alpha(), 0);
  EXPECT_EQ(image.pixelColor(2, 0), QColor(253, 231, 37));
}

TEST(Units, LengthsAreRoundAndHaveUnits) {
  QLocale::setDefault(QLocale::c());
  EXPECT_EQ(lengthText(250), QStringLiteral("250 µm"));
  EXPECT_EQ(lengthText(1300), QStringLiteral("1.3 mm"));
  EXPECT_DOUBLE_EQ(roundLength(180), 100);
  EXPECT_DOUBLE_EQ(roundLength(260), 200);
  EXPECT_DOUBLE_EQ(roundLength(0.7), 0.5);
  EXPECT_EQ(magnificationText(0.5), QStringLiteral("20x"));
}

TEST(RunRequest, IsWhatTheCommandLineWouldAsk) {
  CaseRecord record;
  record.pseudonym = QStringLiteral("S-0001"), record.path = QStringLiteral("/data/Müller.svs");
  RunChoices choices;
  choices.model = QStringLiteral("/models/a b.safetensors"), choices.results = QStringLiteral("/r");
  choices.mpp = 0.25, choices.overlap = 50;
  const pipeline::JobRequest request = runRequest(record, choices);
  EXPECT_EQ(request.kind, "slide predict");
  EXPECT_EQ(std::get<std::string>(request.values.at("out")), "/r/S-0001/a_b") << "no file name of the slide";
  EXPECT_EQ(std::get<std::string>(request.values.at("overlap")), "50%");
  EXPECT_NO_THROW(pipeline::JobValues(pipeline::job_kind(request.kind), request))
      << "every name is an option of the job";
  record.kind = CaseKind::kScan;
  const pipeline::JobRequest scan = runRequest(record, choices);
  EXPECT_NO_THROW(pipeline::JobValues(pipeline::job_kind(scan.kind), scan));
}

TEST(RunRequest, APseudonymCannotLeaveTheResultFolder) {
  CaseRecord record;
  record.pseudonym = QStringLiteral("../../etc");
  RunChoices choices;
  choices.model = QStringLiteral("/m/..safetensors"), choices.results = QStringLiteral("/r");
  const QStringList parts = resultFolderOf(record, choices).split(QLatin1Char('/'));
  ASSERT_EQ(parts.size(), 4) << "empty, r, one folder for the case, one for the model";
  EXPECT_EQ(parts[1], QStringLiteral("r"));
  for (const QString& part : parts) EXPECT_FALSE(part.startsWith(QLatin1Char('.'))) << part.toStdString();
}

TEST(LiveState, IsReadFromTheProgressOfALiveRun) {
  const LiveState state = liveState(
      R"({"live":{"seen":5,"of":100,"leading":"tumour","probabilities":{"tumour":0.7,"none":0.3},"stability":null,"unseen_mass_bound":[0.5,0.9]}})");
  EXPECT_EQ(state.seen, 5);
  EXPECT_DOUBLE_EQ(state.probabilities.value(QStringLiteral("tumour")), 0.7);
  EXPECT_LT(state.stability, 0);
  EXPECT_DOUBLE_EQ(state.unseen_mass, 0.9);
}

}  // namespace
}  // namespace fovea::gui
