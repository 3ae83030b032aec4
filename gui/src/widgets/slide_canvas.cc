#include "widgets/slide_canvas.h"

#include <QApplication>
#include <QCursor>
#include <QNativeGestureEvent>
#include <QPainter>

#include <algorithm>
#include <cmath>

#include "widgets/canvas_layers.h"
#include "widgets/theme.h"

namespace fovea::gui {
namespace {

constexpr int kTile = pipeline::SlideView::kTilePx;
constexpr double kWheelStep = 1.25;    // zoom of one notch
constexpr double kTileOnScreen = 260;  // pixels that a tile shown by showTile takes at least
constexpr int kFlashMs = 700;
constexpr double kKeyPan = 0.15;  // of the window

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
}

SlideCanvas::~SlideCanvas() = default;

void SlideCanvas::setSlide(std::shared_ptr<const pipeline::SlideView> slide, qint64 cache_bytes) {
  loader_.reset();
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

/// Tiles of `level` over a rectangle of level 0.
static QRect tileRange(const pipeline::ViewLevel& level, const QRectF& slide) {
  const double edge = kTile * level.downsample;
  const int columns = static_cast<int>((level.width - 1) / kTile), rows = static_cast<int>((level.height - 1) / kTile);
  const int left = std::clamp(static_cast<int>(std::floor(slide.left() / edge)), 0, columns);
  const int top = std::clamp(static_cast<int>(std::floor(slide.top() / edge)), 0, rows);
  const int right = std::clamp(static_cast<int>(std::floor(slide.right() / edge)), 0, columns);
  const int bottom = std::clamp(static_cast<int>(std::floor(slide.bottom() / edge)), 0, rows);
  return {QPoint(left, top), QPoint(right, bottom)};
}

void SlideCanvas::wantTiles() {
  if (!loader_) return;
  const int now = level();
  const auto& info = loader_->slide().info().levels[static_cast<std::size_t>(now)];
  const QRect range = tileRange(info, viewport_.visible());
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

static QRectF slideRect(const TileKey& key, const QImage& tile, double downsample) {
  return {key.column * kTile * downsample, key.row * kTile * downsample, tile.width() * downsample,
          tile.height() * downsample};
}

void SlideCanvas::paintCoarser(QPainter& painter, int finer, const QRectF& where) {
  painter.save();
  painter.setClipRect(where, Qt::IntersectClip);
  const auto& levels = loader_->slide().info().levels;
  for (int coarse = static_cast<int>(levels.size()) - 1; coarse > finer; --coarse) {
    const auto& info = levels[static_cast<std::size_t>(coarse)];
    const QRect range = tileRange(info, where);
    for (int row = range.top(); row <= range.bottom(); ++row) {
      for (int column = range.left(); column <= range.right(); ++column) {
        const TileKey key{coarse, column, row};
        const QImage tile = loader_->tile(key);
        if (!tile.isNull()) painter.drawImage(slideRect(key, tile, info.downsample), tile);
      }
    }
  }
  painter.restore();
}

void SlideCanvas::paintTiles(QPainter& painter) {
  const int now = level();
  const auto& info = loader_->slide().info().levels[static_cast<std::size_t>(now)];
  const QRect range = tileRange(info, viewport_.visible());
  // Upright and pixel for pixel nothing needs interpolating; enlarged pixels are shown as pixels.
  const double scale = viewport_.zoom() * info.downsample * devicePixelRatioF();
  painter.setRenderHint(QPainter::SmoothPixmapTransform, std::abs(scale - 1) > 1e-6 && scale < 4);
  painter.setTransform(viewport_.toScreen(), true);
  for (int row = range.top(); row <= range.bottom(); ++row) {
    for (int column = range.left(); column <= range.right(); ++column) {
      const TileKey key{now, column, row};
      const QImage tile = loader_->tile(key);
      if (!tile.isNull()) {
        painter.drawImage(slideRect(key, tile, info.downsample), tile);
        continue;
      }
      const double edge = kTile * info.downsample;
      const QRectF where = QRectF(column * edge, row * edge, edge, edge)
                               .intersected(QRectF(0, 0, static_cast<double>(info.width) * info.downsample,
                                                   static_cast<double>(info.height) * info.downsample));
      if (!loader_->failed(key)) {
        paintCoarser(painter, now, where);
        continue;
      }
      painter.save();
      painter.resetTransform();
      painter.setBrush(QBrush(themeColours().muted, Qt::BDiagPattern));
      painter.setPen(Qt::NoPen);
      painter.drawPolygon(viewport_.toScreen().map(QPolygonF(where)));
      painter.restore();
    }
  }
}

void SlideCanvas::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.fillRect(rect(), themeColours().canvas);
  if (!loader_) return;
  painter.save();
  paintTiles(painter);
  painter.restore();
  const QList<Region> none;
  paintOverlays(painter, viewport_, content_, style_, regions_ ? regions_->regions() : none);
}

void SlideCanvas::resizeEvent(QResizeEvent*) {
  viewport_.setScreen(size());
  if (fitted_) viewport_.fit();
  moved();
}

// --- mouse ---

QPointF SlideCanvas::clamped(const QPointF& point) const {
  const QRectF& slide = viewport_.slide();
  return {std::clamp(point.x(), slide.left(), slide.right()), std::clamp(point.y(), slide.top(), slide.bottom())};
}

void SlideCanvas::mousePressEvent(QMouseEvent* event) {
  if (!loader_) return;
  pressed_ = event->position(), dragged_ = false;
  const bool pan = content_.tool == CanvasTool::kPan || event->button() == Qt::MiddleButton;
  if (pan && (event->button() == Qt::LeftButton || event->button() == Qt::MiddleButton)) {
    grabbed_ = event->position();
    return;
  }
  if (event->button() == Qt::RightButton) return finishDrawing();
  if (event->button() != Qt::LeftButton) return;
  const QPointF point = clamped(viewport_.toSlide(event->position()));
  // The last point follows the mouse: this click fixes it, and a new one follows.
  if (content_.drawing.isEmpty())
    content_.drawing << point;
  else
    content_.drawing.last() = point;
  content_.drawing << point;
  if (content_.tool == CanvasTool::kPoint) finishDrawing();
  update();
}

void SlideCanvas::mouseMoveEvent(QMouseEvent* event) {
  if (!loader_) return;
  if ((event->position() - pressed_).manhattanLength() > QApplication::startDragDistance() / 2.0) dragged_ = true;
  if (grabbed_) {
    setCursor(Qt::ClosedHandCursor);
    viewport_.panBy(event->position() - *grabbed_);
    grabbed_ = event->position();
    fitted_ = false;
    return moved();
  }
  if (!content_.drawing.isEmpty()) {
    content_.drawing.last() = clamped(viewport_.toSlide(event->position()));
    return update();
  }
  hover(event->position());
}

void SlideCanvas::mouseReleaseEvent(QMouseEvent* event) {
  if (!loader_) return;
  if (grabbed_) {
    grabbed_.reset();
    setCursor(content_.tool == CanvasTool::kPan ? Qt::ArrowCursor : Qt::CrossCursor);
    if (!dragged_ && event->button() == Qt::LeftButton) {
      hover(event->position());
      if (content_.hovered_tile >= 0) {
        selectTile(content_.hovered_tile);
        Q_EMIT tileClicked(content_.hovered_tile);
      }
    }
    return;
  }
  const bool two_points = content_.tool == CanvasTool::kRectangle || content_.tool == CanvasTool::kMeasure;
  if (two_points && content_.drawing.size() >= 2 && (dragged_ || content_.drawing.size() > 2)) finishDrawing();
}

void SlideCanvas::mouseDoubleClickEvent(QMouseEvent* event) {
  if (!loader_ || event->button() != Qt::LeftButton) return;
  if (content_.tool != CanvasTool::kPan) return finishDrawing();
  viewport_.zoomTo(viewport_.zoom() * 2, event->position());
  fitted_ = false;
  moved();
}

void SlideCanvas::leaveEvent(QEvent*) {
  content_.hovered_tile = -1;
  update();
}

void SlideCanvas::wheelEvent(QWheelEvent* event) {
  if (!loader_) return;
  const double notches = event->angleDelta().y() / 120.0;
  if (notches != 0) {
    viewport_.zoomTo(viewport_.zoom() * std::pow(kWheelStep, notches), event->position());
    fitted_ = false;
    moved();
  }
  event->accept();
}

bool SlideCanvas::event(QEvent* event) {
  if (event->type() == QEvent::NativeGesture && loader_) {
    auto* gesture = static_cast<QNativeGestureEvent*>(event);
    if (gesture->gestureType() == Qt::ZoomNativeGesture) {
      viewport_.zoomTo(viewport_.zoom() * (1 + gesture->value()), gesture->position());
      fitted_ = false;
      moved();
      return true;
    }
  }
  return QWidget::event(event);
}

void SlideCanvas::hover(const QPointF& position) {
  if (!content_.attention) return;
  const QPointF point = viewport_.toSlide(position);
  const qint64 tile = content_.attention->result->tile_at(point.x(), point.y(), content_.attention->attention);
  if (tile == content_.hovered_tile) return;
  content_.hovered_tile = tile;
  update();
}

// --- drawing ---

void SlideCanvas::cancelDrawing() {
  content_.drawing.clear();
  update();
}

void SlideCanvas::finishDrawing() {
  QPolygonF points = content_.drawing;
  if (content_.tool == CanvasTool::kPolygon && points.size() > 2) points.removeLast();  // it only followed the mouse
  const CanvasTool tool = content_.tool;
  cancelDrawing();
  Region region;
  switch (tool) {
    case CanvasTool::kPan: return;
    case CanvasTool::kMeasure:
      if (points.size() >= 2) {
        content_.measure = QLineF(points.first(), points.last());  // stays until the next begins
        Q_EMIT measured(content_.measure.length() * content_.mpp);
      }
      return;
    case CanvasTool::kPoint:
      region.shape = Region::Shape::kPoint;
      region.points << points.value(0);
      break;
    case CanvasTool::kRectangle: {
      const QRectF box = QRectF(points.value(0), points.value(points.size() - 1)).normalized();
      if (points.size() < 2 || box.width() < 1 || box.height() < 1) return;
      region.shape = Region::Shape::kRectangle;
      region.points << box.topLeft() << box.topRight() << box.bottomRight() << box.bottomLeft();
      break;
    }
    case CanvasTool::kPolygon:
      points.erase(std::unique(points.begin(), points.end()), points.end());
      if (points.size() < 3) return;
      region.points = points;
      break;
  }
  if (regions_) regions_->add(std::move(region));
  Q_EMIT toolEnded();
}

// --- keys ---

bool SlideCanvas::drawKey(int key) {
  if (content_.drawing.isEmpty() && content_.tool == CanvasTool::kPan) return false;
  if (key == Qt::Key_Escape) {
    if (content_.drawing.isEmpty()) Q_EMIT toolEnded();
    cancelDrawing();
    return true;
  }
  if (key == Qt::Key_Return || key == Qt::Key_Enter) return finishDrawing(), true;
  if (key == Qt::Key_Backspace && content_.drawing.size() > 2) {
    content_.drawing.removeAt(content_.drawing.size() - 2);
    update();
    return true;
  }
  return false;
}

bool SlideCanvas::viewKey(QKeyEvent* event) {
  const QPointF step(width() * kKeyPan, height() * kKeyPan);
  const auto pan = [&](double x, double y) {
    viewport_.panBy({x * step.x(), y * step.y()});
    fitted_ = false;
    moved();
  };
  OverlayStyle style = style_;
  switch (event->key()) {
    case Qt::Key_Left: pan(1, 0); return true;
    case Qt::Key_Right: pan(-1, 0); return true;
    case Qt::Key_Up: pan(0, 1); return true;
    case Qt::Key_Down: pan(0, -1); return true;
    case Qt::Key_Plus:
    case Qt::Key_Equal: zoomBy(kWheelStep * kWheelStep); return true;
    case Qt::Key_Minus: zoomBy(1 / (kWheelStep * kWheelStep)); return true;
    case Qt::Key_0:
    case Qt::Key_Home: fit(); return true;
    case Qt::Key_1: zoomTo(1 / devicePixelRatioF()); return true;
    case Qt::Key_R: rotateBy(event->modifiers() & Qt::ShiftModifier ? -90 : 90); return true;
    case Qt::Key_PageDown: Q_EMIT stepRequested(1); return true;
    case Qt::Key_PageUp: Q_EMIT stepRequested(-1); return true;
    case Qt::Key_H: style.heatmap = !style.heatmap; break;
    case Qt::Key_T: style.tissue = !style.tissue; break;
    case Qt::Key_BracketLeft: style.opacity = std::max(0.0, style.opacity - 0.05); break;
    case Qt::Key_BracketRight: style.opacity = std::min(1.0, style.opacity + 0.05); break;
    case Qt::Key_Space: style.hidden_while_held = true; break;
    default: return false;
  }
  setStyle(style);
  return true;
}

void SlideCanvas::keyPressEvent(QKeyEvent* event) {
  if (!loader_ || (event->modifiers() & (Qt::ControlModifier | Qt::AltModifier)) ||
      (event->isAutoRepeat() && event->key() == Qt::Key_Space))
    return QWidget::keyPressEvent(event);
  if (!drawKey(event->key()) && !viewKey(event)) QWidget::keyPressEvent(event);
}

void SlideCanvas::keyReleaseEvent(QKeyEvent* event) {
  if (event->key() != Qt::Key_Space || event->isAutoRepeat()) return QWidget::keyReleaseEvent(event);
  OverlayStyle style = style_;
  style.hidden_while_held = false;
  setStyle(style);
}

void SlideCanvas::focusOutEvent(QFocusEvent* event) {
  if (style_.hidden_while_held) {
    OverlayStyle style = style_;
    style.hidden_while_held = false;
    setStyle(style);
  }
  QWidget::focusOutEvent(event);
}

}  // namespace fovea::gui
