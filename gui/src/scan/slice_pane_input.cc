// The slice pane's mouse, wheel and keys.
#include "scan/slice_pane.h"

#include <QMouseEvent>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

namespace fovea::gui {
namespace {

constexpr double kZoomStep = 1.25, kPanStepMm = 10, kOpacityStep = 0.1;
constexpr int kWheelNotch = 120, kPageSlices = 10, kDragPixels = 4;

QPointF clamped_pan(const QPointF& pan, const QSizeF& size_mm) {
  return {std::clamp(pan.x(), -size_mm.width(), size_mm.width()),
          std::clamp(pan.y(), -size_mm.height(), size_mm.height())};
}

}  // namespace

void SlicePane::zoomAbout(const QPointF& position, double factor) {
  if (scene_->empty()) return;
  const double before = transform().pixels_per_mm;
  const double zoom = std::clamp(zoom_ * factor, kMinSliceZoom, kMaxSliceZoom);
  if (zoom == zoom_) return;
  zoom_ = zoom;
  const double after = transform().pixels_per_mm;
  pan_mm_ = clamped_pan(pan_mm_ + (position - QRectF(rect()).center()) * (1 / after - 1 / before),
                        scene_->frame(plane_).size_mm());
  dropPicture();
  Q_EMIT zoomChanged(zoom_);
  Q_EMIT panChanged(pan_mm_);
}

void SlicePane::placeCursor(const QPointF& position) {
  if (scene_->empty()) return;
  pipeline::ViewIndex at{};
  voxelAt(position, &at);
  scene_->setCursor(at);
}

void SlicePane::mousePressEvent(QMouseEvent* event) {
  pressed_ = last_ = event->position();
  if (scene_->empty()) return;
  const bool pan = event->button() == Qt::MiddleButton ||
                   (event->button() == Qt::LeftButton && event->modifiers() & Qt::ControlModifier);
  if (pan) {
    drag_ = Drag::kPan;
  } else if (event->button() == Qt::RightButton) {
    drag_ = Drag::kZoom;
  } else if (event->button() == Qt::LeftButton && event->modifiers() & Qt::ShiftModifier) {
    drag_ = Drag::kCrosshair;
    placeCursor(event->position());
  } else if (event->button() == Qt::LeftButton) {
    drag_ = Drag::kPressed;
    window_at_press_ = scene_->sequences()[scene_->activeSequence()].window;
  }
}

void SlicePane::mouseMoveEvent(QMouseEvent* event) {
  const QPointF at = event->position(), step = at - last_;
  if (drag_ == Drag::kPressed && (at - pressed_).manhattanLength() >= kDragPixels) drag_ = Drag::kWindow;
  switch (drag_) {
    case Drag::kWindow: {
      const std::size_t active = scene_->activeSequence();
      const QPointF way = at - pressed_;
      scene_->setWindow(active, dragged(window_at_press_, *scene_->sequences()[active].volume, way.x(), way.y(),
                                        std::max(width(), 1)));
      break;
    }
    case Drag::kCrosshair: placeCursor(at); break;
    case Drag::kZoom: zoomAbout(pressed_, std::exp(-step.y() / 120)); break;
    case Drag::kPan:
      pan_mm_ = clamped_pan(pan_mm_ + step / transform().pixels_per_mm, scene_->frame(plane_).size_mm());
      dropPicture();
      Q_EMIT panChanged(pan_mm_);
      break;
    case Drag::kNone:
    case Drag::kPressed: break;
  }
  last_ = at;
  pipeline::ViewIndex voxel{};
  Q_EMIT hovered(voxelAt(at, &voxel) ? scene_->describe(voxel) : QString());
}

void SlicePane::mouseReleaseEvent(QMouseEvent* event) {
  const Drag drag = drag_;
  drag_ = Drag::kNone;
  if (drag != Drag::kPressed || scene_->empty()) return;
  placeCursor(event->position());
  if (const int lesion = scene_->selectLesionAtCursor(); lesion >= 0) Q_EMIT lesionClicked(lesion);
}

void SlicePane::mouseDoubleClickEvent(QMouseEvent* event) {
  if (event->button() == Qt::LeftButton) Q_EMIT maximiseRequested();
}

void SlicePane::wheelEvent(QWheelEvent* event) {
  event->accept();
  if (event->modifiers() & Qt::ControlModifier) {
    zoomAbout(event->position(), std::pow(kZoomStep, event->angleDelta().y() / static_cast<double>(kWheelNotch)));
    return;
  }
  // Touchpads send parts of a notch: they are collected.
  wheel_rest_ += event->angleDelta().y();
  const int notches = wheel_rest_ / kWheelNotch;
  wheel_rest_ -= notches * kWheelNotch;
  if (notches != 0) scene_->moveSlice(plane_, notches);
}

bool SlicePane::nudge(int key, const QPointF& step) {
  if (!(key == Qt::Key_Left || key == Qt::Key_Right || key == Qt::Key_Up || key == Qt::Key_Down)) return false;
  const SliceFrame frame = scene_->frame(plane_);
  pipeline::ViewIndex at = scene_->cursor();
  at[frame.u_axis()] += static_cast<std::int64_t>(step.x()) * (frame.u_flipped() ? -1 : 1);
  at[frame.v_axis()] += static_cast<std::int64_t>(step.y()) * (frame.v_flipped() ? -1 : 1);
  scene_->setCursor(at);
  return true;
}

bool SlicePane::moveByKey(QKeyEvent* event) {
  const int key = event->key();
  const QPointF arrow(key == Qt::Key_Right  ? 1
                      : key == Qt::Key_Left ? -1
                                            : 0,
                      key == Qt::Key_Down ? 1
                      : key == Qt::Key_Up ? -1
                                          : 0);
  if (event->modifiers() & Qt::ControlModifier) return nudge(key, arrow);
  if (event->modifiers() & Qt::ShiftModifier && !arrow.isNull()) {
    pan_mm_ = clamped_pan(pan_mm_ - arrow * kPanStepMm / zoom_, scene_->frame(plane_).size_mm());
    dropPicture();
    Q_EMIT panChanged(pan_mm_);
    return true;
  }
  switch (key) {
    case Qt::Key_Up:
    case Qt::Key_Right: scene_->moveSlice(plane_, 1); return true;
    case Qt::Key_Down:
    case Qt::Key_Left: scene_->moveSlice(plane_, -1); return true;
    case Qt::Key_PageUp: scene_->moveSlice(plane_, kPageSlices); return true;
    case Qt::Key_PageDown: scene_->moveSlice(plane_, -kPageSlices); return true;
    case Qt::Key_Home: scene_->moveSlice(plane_, -scene_->frame(plane_).slices()); return true;
    case Qt::Key_End: scene_->moveSlice(plane_, scene_->frame(plane_).slices()); return true;
    case Qt::Key_Plus:
    case Qt::Key_Equal: zoomAbout(QRectF(rect()).center(), kZoomStep); return true;
    case Qt::Key_Minus: zoomAbout(QRectF(rect()).center(), 1 / kZoomStep); return true;
    case Qt::Key_0:
      pan_mm_ = {};
      setZoom(1);
      dropPicture();
      Q_EMIT zoomChanged(1);
      Q_EMIT panChanged(pan_mm_);
      return true;
    default: return false;
  }
}

bool SlicePane::appearanceByKey(QKeyEvent* event) {
  const std::size_t active = scene_->activeSequence();
  switch (event->key()) {
    case Qt::Key_A: Q_EMIT planeRequested(Plane::kAxial); return true;
    case Qt::Key_C:
      if (event->modifiers() & Qt::ControlModifier) return false;
      Q_EMIT planeRequested(Plane::kCoronal);
      return true;
    case Qt::Key_S: Q_EMIT planeRequested(Plane::kSagittal); return true;
    case Qt::Key_Return:
    case Qt::Key_Enter: Q_EMIT maximiseRequested(); return true;
    case Qt::Key_Space:
      if (const int lesion = scene_->selectLesionAtCursor(); lesion >= 0) Q_EMIT lesionClicked(lesion);
      return true;
    case Qt::Key_X: scene_->setCrosshairShown(!scene_->crosshairShown()); return true;
    case Qt::Key_W:
      scene_->setWindow(active, window_presets(*scene_->sequences()[active].volume).front().window);
      return true;
    case Qt::Key_H: scene_->setOverlaysShown(false); return true;
    case Qt::Key_BracketLeft:
    case Qt::Key_BracketRight: {
      const double step = event->key() == Qt::Key_BracketLeft ? -kOpacityStep : kOpacityStep;
      scene_->setLabelFill(scene_->labels().fill + step);
      scene_->setOverlayOpacity(scene_->overlay().opacity + step);
      return true;
    }
    default: return false;
  }
}

void SlicePane::keyPressEvent(QKeyEvent* event) {
  if (scene_->empty() || !(moveByKey(event) || appearanceByKey(event))) QWidget::keyPressEvent(event);
}

void SlicePane::keyReleaseEvent(QKeyEvent* event) {
  if (event->key() == Qt::Key_H && !event->isAutoRepeat()) {
    scene_->setOverlaysShown(true);
  } else {
    QWidget::keyReleaseEvent(event);
  }
}

void SlicePane::focusOutEvent(QFocusEvent* event) {
  scene_->setOverlaysShown(true);  // the key's release goes elsewhere
  QWidget::focusOutEvent(event);
}

void SlicePane::leaveEvent(QEvent*) {
  Q_EMIT hovered({});
}

}  // namespace fovea::gui
