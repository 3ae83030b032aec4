#include "widgets/slide_canvas.h"

#include <QPainter>

#include <algorithm>
#include <cmath>

#include "widgets/canvas_layers.h"
#include "widgets/theme.h"

namespace fovea::gui {
namespace {

constexpr int kTile = pipeline::SlideView::kTilePx;
constexpr double kTileOnScreen = 260;  // pixels that a tile shown by showTile takes at least
constexpr int kFlashMs = 700;
constexpr int kRefineMs = 120;  // after the last zoom

}  // namespace

SlideCanvas::SlideCanvas(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("slideCanvas"));
  setAccessibleName(tr("Slide"));
  setAccessibleDescription(tr("Drag to move, wheel to zoom, H for the heatmap, F1 for all keys"));
  setFocusPolicy(Qt::StrongFocus);
  setMouseTracking(true);
  setAttribute(Qt::WA_OpaquePaintEvent);
  setMinimumSize(200, 200);
  flash_timer_.setInterval(30);
  connect(&flash_timer_, &QTimer::timeout, this, [this] {
    content_.flash = std::max(0.0, 1.0 - static_cast<double>(flash_clock_.elapsed()) / kFlashMs);
    if (content_.flash <= 0) flash_timer_.stop();
    update();
  });
  refine_timer_.setSingleShot(true);
  refine_timer_.setInterval(kRefineMs);
  connect(&refine_timer_, &QTimer::timeout, this, [this] {
    layer_.refine();
    update();
  });
}

SlideCanvas::~SlideCanvas() = default;

void SlideCanvas::setSlide(std::shared_ptr<const pipeline::SlideView> slide, qint64 cache_bytes) {
  loader_.reset();
  layer_.clear();
  const CanvasTool tool = content_.tool;
  content_ = {};
  content_.tool = tool;
  downsamples_.clear();
  cancelDrawing();
  if (slide) {
    const auto& info = slide->info();
    for (const auto& level : info.levels) downsamples_.push_back(level.downsample);
    content_.mpp = info.mpp;
    viewport_.setSlide(QRectF(static_cast<double>(info.bounds_x), static_cast<double>(info.bounds_y),
                              static_cast<double>(info.bounds_width), static_cast<double>(info.bounds_height)));
    loader_ = std::make_unique<TileLoader>(std::move(slide), cache_bytes);
    connect(loader_.get(), &TileLoader::arrived, this, [this] {
      if (!loader_->failure().isEmpty()) Q_EMIT tileFailed(loader_->failure());
      update();
    });
    fit();
  }
  moved();
}

void SlideCanvas::setMpp(double mpp) {
  content_.mpp = mpp;
  Q_EMIT viewChanged();
  update();
}

void SlideCanvas::setAttention(std::shared_ptr<const AttentionView> attention, bool live) {
  const bool same = attention && content_.attention && attention->result == content_.attention->result;
  if (!same) content_.selected_tile = -1;
  content_.attention = std::move(attention), content_.live = live;
  content_.hovered_tile = -1;
  content_.heatmap = content_.attention ? colouredRaster(content_.attention->raster, style_.map) : QImage();
  update();
}

void SlideCanvas::setTissue(std::vector<pipeline::Outline> tissue) {
  content_.tissue = std::move(tissue);
  update();
}

void SlideCanvas::setRegions(RegionModel* regions) {
  regions_ = regions;
  connect(regions_, &RegionModel::changed, this, qOverload<>(&QWidget::update));
}

void SlideCanvas::setStyle(const OverlayStyle& style) {
  const bool recolour = style.map != style_.map;
  style_ = style;
  if (recolour && content_.attention) content_.heatmap = colouredRaster(content_.attention->raster, style_.map);
  Q_EMIT styleChanged();
  update();
}

void SlideCanvas::setTool(CanvasTool tool) {
  cancelDrawing();
  content_.tool = tool;
  setCursor(tool == CanvasTool::kPan ? Qt::ArrowCursor : Qt::CrossCursor);
}

void SlideCanvas::setCacheBytes(qint64 bytes) {
  if (loader_) loader_->setCacheBytes(bytes);
}

// --- view ---

int SlideCanvas::level() const {
  return levelFor(downsamples_, viewport_.zoom() * devicePixelRatioF());
}

void SlideCanvas::moved() {
  wantTiles();
  Q_EMIT viewChanged();
  update();
}

void SlideCanvas::fit() {
  viewport_.fit();
  fitted_ = true;
  moved();
}

void SlideCanvas::zoomBy(double factor) {
  viewport_.zoomTo(viewport_.zoom() * factor);
  fitted_ = false;
  moved();
}

void SlideCanvas::zoomTo(double zoom) {
  viewport_.zoomTo(zoom);
  fitted_ = false;
  moved();
}

void SlideCanvas::rotateBy(double degrees) {
  viewport_.rotateTo(viewport_.rotation() + degrees);
  if (fitted_) viewport_.fit();
  moved();
}

void SlideCanvas::centreOn(const QPointF& point) {
  viewport_.centreOn(point);
  fitted_ = false;
  moved();
}

void SlideCanvas::selectTile(qint64 tile) {
  content_.selected_tile = tile;
  content_.flash = 1;
  flash_clock_.start();
  flash_timer_.start();
  update();
}

void SlideCanvas::showTile(qint64 tile) {
  const auto& view = content_.attention;
  if (!view || tile < 0 || static_cast<std::size_t>(tile) >= view->result->tiles()) return;
  const QRectF where = tileRect(*view->result, tile);
  viewport_.zoomTo(std::max(viewport_.zoom(), kTileOnScreen / where.width()));
  selectTile(tile);
  centreOn(where.center());
}

QImage SlideCanvas::picture() {
  const qint64 hovered = std::exchange(content_.hovered_tile, -1);
  const QImage image = grab().toImage();
  content_.hovered_tile = hovered;
  return image;
}

// --- tiles ---

void SlideCanvas::wantTiles() {
  if (!loader_) return;
  const int now = level();
  const auto& info = loader_->slide().info().levels[static_cast<std::size_t>(now)];
  const QRect range = tilesOver(info, viewport_.visible());
  QList<TileKey> keys;
  for (int row = range.top(); row <= range.bottom(); ++row)
    for (int column = range.left(); column <= range.right(); ++column) keys.push_back({now, column, row});
  // From the middle outwards: where people look.
  const QPointF middle = viewport_.centre() / (kTile * info.downsample) - QPointF(0.5, 0.5);
  std::sort(keys.begin(), keys.end(), [&](const TileKey& a, const TileKey& b) {
    const auto far = [&](const TileKey& k) { return std::hypot(k.column - middle.x(), k.row - middle.y()); };
    return far(a) < far(b);
  });
  loader_->want(keys);
}

void SlideCanvas::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  if (!loader_) return painter.fillRect(rect(), themeColours().canvas);
  painter.drawPixmap(0, 0, layer_.picture(viewport_, level(), devicePixelRatioF(), *loader_));
  if (layer_.rough()) refine_timer_.start();
  const QList<Region> none;
  paintOverlays(painter, viewport_, content_, style_, regions_ ? regions_->regions() : none);
}

void SlideCanvas::resizeEvent(QResizeEvent*) {
  viewport_.setScreen(size());
  if (fitted_) viewport_.fit();
  moved();
}

}  // namespace fovea::gui
