#include "scan/surface_pane.h"

#include <QMouseEvent>
#include <QPainter>
#include <QWheelEvent>

#include <algorithm>
#include <array>
#include <cmath>

#include "scan/pane_text.h"

namespace fovea::gui {
namespace {

constexpr double kDegreesPerPixel = 0.5, kKeyDegrees = 10, kFirstTurn = 30, kFirstTilt = 15;
constexpr double kMinZoom = 0.5, kMaxZoom = 8, kZoomStep = 1.25;
constexpr float kLetterReach = 1.12F, kFill = 0.44F;
constexpr int kDragPixels = 4, kPickPixels = 6;

}  // namespace

SurfacePane::SurfacePane(ScanScene* scene, QWidget* parent) : QWidget(parent), scene_(scene) {
  setFocusPolicy(Qt::StrongFocus);
  setAttribute(Qt::WA_OpaquePaintEvent);
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
  setAccessibleName(tr("Surface view of the lesions"));
  camera_.turn = kFirstTurn, camera_.tilt = kFirstTilt;
  connect(scene, &ScanScene::appearanceChanged, this, &SurfacePane::redraw);
  connect(scene, &ScanScene::contentChanged, this, &SurfacePane::redraw);
  connect(scene, &ScanScene::cursorChanged, this, qOverload<>(&QWidget::update));
}

void SurfacePane::setSurfaces(std::shared_ptr<const SurfaceScene> surfaces) {
  surfaces_ = std::move(surfaces);
  setAccessibleDescription(surfaces_ ? tr("Lesions: %1").arg(surfaces_->lesions.size()) : QString());
  zoom_ = 1;
  fit();
  redraw();
}

void SurfacePane::setView(double turn, double tilt) {
  camera_.turn = std::remainder(turn, 360.0);
  camera_.tilt = std::clamp(tilt, -90.0, 90.0);
  redraw();
}

void SurfacePane::fit() {
  if (!surfaces_) return;
  QVector3D low(1e9F, 1e9F, 1e9F), high = -low;
  const auto extend = [&](const SurfaceMesh& mesh) {
    for (const QVector3D& p : mesh.vertices)
      for (int a = 0; a < 3; ++a) low[a] = std::min(low[a], p[a]), high[a] = std::max(high[a], p[a]);
  };
  extend(surfaces_->head);
  for (const SurfaceMesh& mesh : surfaces_->lesions) extend(mesh);
  if (low.x() > high.x()) return;
  camera_.centre = (low + high) / 2;
  radius_mm_ = std::max((high - low).length() / 2 * 0.72F, 5.0F);
  camera_.pixels_per_mm = std::min(width(), height()) * kFill / radius_mm_ * zoom_;
}

void SurfacePane::redraw() {
  picture_ = {};
  update();
}

std::vector<SurfaceItem> SurfacePane::items() const {
  std::vector<SurfaceItem> items;
  if (!surfaces_) return items;
  const std::vector<bool>& visible = scene_->labels().visible;
  if (scene_->overlaysShown())
    for (const SurfaceMesh& mesh : surfaces_->lesions) {
      const auto label = static_cast<std::size_t>(mesh.label);
      if (label < visible.size() && !visible[label]) continue;
      const QRgb colour = pipeline::label_colour(mesh.label);
      items.push_back({&mesh, mesh.lesion == scene_->lesion() ? QColor(colour).lighter(150).rgb() : colour, false});
    }
  if (!surfaces_->head.triangles.empty()) items.push_back({&surfaces_->head, 0, true});
  return items;
}

void SurfacePane::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.fillRect(rect(), Qt::black);
  const QRect inner = rect().adjusted(6, 4, -6, -4);
  if (surfaces_) {
    if (picture_.image.size() != size()) picture_ = render_surfaces(items(), camera_, size());
    painter.drawImage(0, 0, picture_.image);
    drawLetters(painter);
    if (scene_->crosshairShown() && !scene_->empty()) drawCursor(painter);
  } else {
    draw_pane_text(painter, inner, Qt::AlignCenter, scene_->empty() ? QString() : tr("Preparing the surfaces …"));
  }
  QFont bold = font();
  bold.setBold(true);
  painter.setFont(bold);
  draw_pane_text(painter, inner, Qt::AlignLeft | Qt::AlignTop, tr("Surface"));
  if (hasFocus()) {
    painter.setPen(QPen(Qt::white, 2));
    painter.drawRect(rect().adjusted(1, 1, -1, -1));
  }
}

void SurfacePane::drawLetters(QPainter& painter) const {
  QFont bold = font();
  bold.setBold(true);
  painter.setFont(bold);
  for (int axis = 0; axis < 3; ++axis)
    for (const float sign : {-1.0F, 1.0F}) {
      QVector3D direction;
      direction[axis] = sign;
      const QVector3D at = camera_.to_picture(camera_.centre + direction * radius_mm_ * kLetterReach, size());
      const QVector3D middle(static_cast<float>(width()) / 2, static_cast<float>(height()) / 2, 0);
      // Towards the reader: the letter would lie upon the head.
      if (std::hypot(at.x() - middle.x(), at.y() - middle.y()) < 24) continue;
      const QColor colour = at.z() >= 0 ? QColor(Qt::white) : QColor(0x9A, 0xA3, 0xAD);
      draw_pane_text(painter, QRectF(at.x() - 16, at.y() - 12, 32, 24).toRect(), Qt::AlignCenter,
                     direction_letters({direction.x(), direction.y(), direction.z()}), colour);
    }
}

void SurfacePane::drawCursor(QPainter& painter) const {
  const auto lps = scene_->cursorLps();
  const QVector3D at =
      camera_.to_picture({static_cast<float>(lps[0]), static_cast<float>(lps[1]), static_cast<float>(lps[2])}, size());
  const QPointF p(at.x(), at.y());
  for (const auto& [width, colour] : {std::pair{3.0, Qt::black}, std::pair{1.0, Qt::white}}) {
    painter.setPen(QPen(colour, width));
    painter.drawLine(p - QPointF(9, 0), p - QPointF(4, 0)), painter.drawLine(p + QPointF(4, 0), p + QPointF(9, 0));
    painter.drawLine(p - QPointF(0, 9), p - QPointF(0, 4)), painter.drawLine(p + QPointF(0, 4), p + QPointF(0, 9));
  }
}

void SurfacePane::resizeEvent(QResizeEvent*) {
  fit();
  redraw();
}

/// Small lesions cover a few pixels: the nearest within reach counts.
int SurfacePane::lesionNear(const QPointF& position) const {
  int best = -1;
  double least = kPickPixels + 0.5;
  const int cx = static_cast<int>(position.x()), cy = static_cast<int>(position.y());
  for (int y = std::max(0, cy - kPickPixels); y <= std::min(height() - 1, cy + kPickPixels); ++y)
    for (int x = std::max(0, cx - kPickPixels); x <= std::min(width() - 1, cx + kPickPixels); ++x) {
      const std::size_t pixel =
          static_cast<std::size_t>(y) * static_cast<std::size_t>(width()) + static_cast<std::size_t>(x);
      if (pixel >= picture_.lesions.size() || picture_.lesions[pixel] < 0) continue;
      const double away = std::hypot(x - cx, y - cy);
      if (away < least) least = away, best = picture_.lesions[pixel];
    }
  return best;
}

void SurfacePane::mousePressEvent(QMouseEvent* event) {
  pressed_ = last_ = event->position();
  turned_ = false;
}

void SurfacePane::mouseMoveEvent(QMouseEvent* event) {
  if (!(event->buttons() & Qt::LeftButton)) return;
  if ((event->position() - pressed_).manhattanLength() >= kDragPixels) turned_ = true;
  if (turned_) {
    const QPointF step = event->position() - last_;
    setView(camera_.turn - step.x() * kDegreesPerPixel, camera_.tilt + step.y() * kDegreesPerPixel);
  }
  last_ = event->position();
}

void SurfacePane::mouseReleaseEvent(QMouseEvent* event) {
  if (turned_ || event->button() != Qt::LeftButton) return;
  const int lesion = lesionNear(event->position());
  if (lesion < 0) return;
  scene_->selectLesion(lesion);
  Q_EMIT lesionClicked(lesion);
}

void SurfacePane::mouseDoubleClickEvent(QMouseEvent* event) {
  if (event->button() == Qt::LeftButton) Q_EMIT maximiseRequested();
}

void SurfacePane::wheelEvent(QWheelEvent* event) {
  event->accept();
  zoom_ = std::clamp(zoom_ * std::pow(kZoomStep, event->angleDelta().y() / 120.0), kMinZoom, kMaxZoom);
  fit();
  redraw();
}

void SurfacePane::keyPressEvent(QKeyEvent* event) {
  switch (event->key()) {
    case Qt::Key_Left: return setView(camera_.turn + kKeyDegrees, camera_.tilt);
    case Qt::Key_Right: return setView(camera_.turn - kKeyDegrees, camera_.tilt);
    case Qt::Key_Up: return setView(camera_.turn, camera_.tilt - kKeyDegrees);
    case Qt::Key_Down: return setView(camera_.turn, camera_.tilt + kKeyDegrees);
    case Qt::Key_Plus:
    case Qt::Key_Equal: zoom_ = std::min(zoom_ * kZoomStep, kMaxZoom); break;
    case Qt::Key_Minus: zoom_ = std::max(zoom_ / kZoomStep, kMinZoom); break;
    case Qt::Key_0: zoom_ = 1, setView(kFirstTurn, kFirstTilt); break;
    case Qt::Key_Return:
    case Qt::Key_Enter: Q_EMIT maximiseRequested(); return;
    default: QWidget::keyPressEvent(event); return;
  }
  fit();
  redraw();
}

}  // namespace fovea::gui
