// Mouse, wheel, gestures and keys on the slide, and the tools that draw regions.
#include <QApplication>
#include <QCursor>
#include <QNativeGestureEvent>

#include <algorithm>
#include <cmath>

#include "widgets/slide_canvas.h"

namespace fovea::gui {
namespace {

constexpr double kWheelStep = 1.25;  // zoom of one notch
constexpr double kKeyPan = 0.15;     // of the window

}  // namespace

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
