#include "scan/slice_pane.h"

#include <QPainter>

#include <algorithm>
#include <array>
#include <cmath>

#include "scan/number_text.h"
#include "scan/pane_text.h"

namespace fovea::gui {
namespace {

constexpr int kCrosshairGap = 9;  // pixels left free about the voxel that is looked at

}  // namespace

QColor plane_colour(Plane plane) {
  switch (plane) {
    case Plane::kAxial: return {0xFF, 0x8A, 0x7A};
    case Plane::kCoronal: return {0x6B, 0xD6, 0x9A};
    case Plane::kSagittal: return {0xF2, 0xCB, 0x57};
  }
  return Qt::white;
}

QString plane_name(Plane plane) {
  switch (plane) {
    case Plane::kAxial: return SlicePane::tr("Axial");
    case Plane::kCoronal: return SlicePane::tr("Coronal");
    case Plane::kSagittal: return SlicePane::tr("Sagittal");
  }
  return {};
}

SlicePane::SlicePane(ScanScene* scene, Plane plane, QWidget* parent) : QWidget(parent), scene_(scene), plane_(plane) {
  setMouseTracking(true);
  setFocusPolicy(Qt::StrongFocus);
  setAttribute(Qt::WA_OpaquePaintEvent);
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
  setCursor(Qt::CrossCursor);
  connect(scene, &ScanScene::contentChanged, this, &SlicePane::dropPicture);
  connect(scene, &ScanScene::appearanceChanged, this, &SlicePane::dropPicture);
  connect(scene, &ScanScene::cursorChanged, this, &SlicePane::showCursor);
  describe();
}

void SlicePane::setPlane(Plane plane) {
  plane_ = plane;
  pan_mm_ = {};
  dropPicture();
}

void SlicePane::setCaption(const QString& caption) {
  caption_ = caption;
  describe();
  update();
}

void SlicePane::describe() {
  setAccessibleName(caption_.isEmpty() ? tr("%1 slices").arg(plane_name(plane_))
                                       : tr("%1, %2 slices").arg(caption_, plane_name(plane_)));
  setAccessibleDescription(scene_->empty() ? tr("No scan is open") : scene_->describeCursor());
}

void SlicePane::setZoom(double zoom) {
  zoom = std::clamp(zoom, kMinSliceZoom, kMaxSliceZoom);
  if (zoom == zoom_) return;
  zoom_ = zoom;
  dropPicture();
}

void SlicePane::setPanMm(const QPointF& pan_mm) {
  if (pan_mm == pan_mm_) return;
  pan_mm_ = pan_mm;
  dropPicture();
}

SliceTransform SlicePane::transform() const {
  return fitted(scene_->frame(plane_), size(), zoom_, pan_mm_);
}

bool SlicePane::voxelAt(const QPointF& position, pipeline::ViewIndex* at) const {
  if (scene_->empty()) return false;
  const SliceFrame frame = scene_->frame(plane_);
  const QPointF pixel = transform().to_picture(position);
  *at = frame.voxel(static_cast<int>(std::floor(pixel.x())), static_cast<int>(std::floor(pixel.y())),
                    scene_->slice(plane_));
  return scene_->grid().contains(*at);
}

QPointF SlicePane::positionOf(const pipeline::ViewIndex& at) const {
  return transform().to_widget(scene_->frame(plane_).pixel(
      {static_cast<double>(at[0]), static_cast<double>(at[1]), static_cast<double>(at[2])}));
}

void SlicePane::dropPicture() {
  picture_ = {};
  describe();
  update();
}

/// A finding outside the visible part comes to the middle.
void SlicePane::showCursor() {
  if (!scene_->empty() && drag_ == Drag::kNone && zoom_ > 1) {
    const QPointF at = positionOf(scene_->cursor());
    if (!QRectF(rect()).contains(at)) {
      const double s = transform().pixels_per_mm;
      pan_mm_ += (QRectF(rect()).center() - at) / s;
      picture_ = {};
    }
  }
  describe();
  update();
}

void SlicePane::drawPicture() {
  const std::int64_t slice = scene_->slice(plane_);
  const double ratio = devicePixelRatioF();
  if (!picture_.isNull() && picture_revision_ == scene_->revision() && picture_slice_ == slice &&
      picture_.size() == size() * ratio)
    return;
  picture_ = QPixmap(size() * ratio);
  picture_.setDevicePixelRatio(ratio);
  picture_.fill(Qt::black);
  picture_revision_ = scene_->revision(), picture_slice_ = slice;
  const SliceImages images = slice_images(*scene_, plane_, slice);
  const SliceTransform t = transform();
  const QRectF target(t.to_widget({0, 0}), t.to_widget(QPointF(images.grey.width(), images.grey.height())));
  QPainter painter(&picture_);
  painter.setRenderHint(QPainter::SmoothPixmapTransform, scene_->smooth());
  painter.drawImage(target, images.grey);
  painter.setRenderHint(QPainter::SmoothPixmapTransform, false);
  if (!images.labels.isNull()) {
    const QPointF first = images.labels_at, last = first + QPointF(images.labels.width(), images.labels.height());
    painter.drawImage(QRectF(t.to_widget(first), t.to_widget(last)), images.labels);
  }
  for (const SliceImages::Outline& outline : images.outlines) {
    QVector<QLineF> lines;
    lines.reserve(static_cast<qsizetype>(outline.lines.size()));
    for (const QLineF& line : outline.lines) lines << QLineF(t.to_widget(line.p1()), t.to_widget(line.p2()));
    if (outline.selected) {  // told apart by form too: a white line about the colour
      painter.setPen(QPen(Qt::white, 3.5, Qt::SolidLine, Qt::SquareCap));
      painter.drawLines(lines);
    }
    painter.setPen(QPen(QColor(outline.colour), 1.5, Qt::SolidLine, Qt::SquareCap));
    painter.drawLines(lines);
  }
}

void SlicePane::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  if (scene_->empty()) {
    painter.fillRect(rect(), Qt::black);
  } else {
    drawPicture();
    painter.drawPixmap(0, 0, picture_);
    if (scene_->crosshairShown()) drawCrosshair(painter);
    drawText(painter);
    drawScaleBar(painter);
  }
  if (hasFocus()) {
    painter.setPen(QPen(plane_colour(plane_), 2));
    painter.drawRect(rect().adjusted(1, 1, -1, -1));
  }
}

void SlicePane::drawCrosshair(QPainter& painter) const {
  const SliceFrame frame = scene_->frame(plane_);
  const QPointF at = positionOf(scene_->cursor());
  // Each line is where another plane cuts this one, in that plane's colour.
  for (const Plane other : kPlanes) {
    if (other == plane_) continue;
    const std::size_t axis = scene_->frame(other).across();
    painter.setPen(QPen(plane_colour(other), 1));
    if (axis == frame.u_axis()) {
      painter.drawLine(QPointF(at.x(), 0), QPointF(at.x(), at.y() - kCrosshairGap));
      painter.drawLine(QPointF(at.x(), at.y() + kCrosshairGap), QPointF(at.x(), height()));
    } else {
      painter.drawLine(QPointF(0, at.y()), QPointF(at.x() - kCrosshairGap, at.y()));
      painter.drawLine(QPointF(at.x() + kCrosshairGap, at.y()), QPointF(width(), at.y()));
    }
  }
}

void SlicePane::drawText(QPainter& painter) const {
  const SliceFrame frame = scene_->frame(plane_);
  const auto letters = frame.letters();
  const QRect inner = rect().adjusted(6, 4, -6, -4);
  QFont bold = font();
  bold.setBold(true);
  painter.setFont(bold);
  draw_pane_text(painter, inner, Qt::AlignLeft | Qt::AlignVCenter, letters[0]);
  draw_pane_text(painter, inner, Qt::AlignRight | Qt::AlignVCenter, letters[1]);
  draw_pane_text(painter, inner, Qt::AlignHCenter | Qt::AlignTop, letters[2]);
  draw_pane_text(painter, inner, Qt::AlignHCenter | Qt::AlignBottom, letters[3]);
  const QString name = caption_.isEmpty() ? plane_name(plane_) : caption_ + ", " + plane_name(plane_);
  draw_pane_text(painter, inner, Qt::AlignLeft | Qt::AlignTop, name, plane_colour(plane_));
  painter.setFont(font());
  draw_pane_text(painter, inner, Qt::AlignRight | Qt::AlignTop,
                 tr("%1 / %2").arg(scene_->slice(plane_) + 1).arg(frame.slices()));
  const GreyWindow& window = scene_->sequences()[scene_->activeSequence()].window;
  draw_pane_text(painter, inner, Qt::AlignLeft | Qt::AlignBottom,
                 tr("W %1  L %2").arg(significant_text(window.width(), 4), significant_text(window.level(), 4)));
}

/// A length that is easy to read and between a tenth and a third of the pane.
void SlicePane::drawScaleBar(QPainter& painter) const {
  const double per_mm = transform().pixels_per_mm;
  for (const int mm : {100, 50, 20, 10, 5, 2, 1}) {
    const double length = mm * per_mm;
    if (length > width() / 3.0) continue;
    const QPointF right(width() - 10, height() - 9);
    painter.setPen(QPen(Qt::black, 4));
    painter.drawLine(right, right - QPointF(length, 0));
    painter.setPen(QPen(Qt::white, 2));
    painter.drawLine(right, right - QPointF(length, 0));
    draw_pane_text(painter, rect().adjusted(6, 4, -10, -14), Qt::AlignRight | Qt::AlignBottom, tr("%1 mm").arg(mm));
    return;
  }
}

void SlicePane::resizeEvent(QResizeEvent*) {
  picture_ = {};
}

}  // namespace fovea::gui
