#include "model/viewport.h"

#include <algorithm>
#include <cmath>

namespace fovea::gui {
namespace {

constexpr double kAir = 0.94;             // share of the window that a fitted slide fills
constexpr double kFinerThanNeeded = 1.2;  // a level may be this much coarser than the screen before a finer one is read

}  // namespace

void Viewport::setSlide(const QRectF& bounds) {
  slide_ = bounds;
  rotation_ = 0;
  fit();
}

double Viewport::fitZoom() const {
  const QRectF turned = QTransform().rotate(rotation_).mapRect(QRectF(QPointF(0, 0), slide_.size()));
  return kAir *
         std::min(screen_.width() / std::max(1.0, turned.width()), screen_.height() / std::max(1.0, turned.height()));
}

void Viewport::fit() {
  centre_ = slide_.center();
  zoom_ = std::min(fitZoom(), maxZoom());
}

void Viewport::zoomTo(double zoom, const QPointF& anchor) {
  const QPointF fixed = toSlide(anchor);
  zoom_ = std::clamp(zoom, std::min(minZoom(), maxZoom()), maxZoom());
  const QPointF moved = toSlide(anchor);
  centreOn(centre_ + fixed - moved);
}

void Viewport::panBy(const QPointF& delta) {
  centreOn(centre_ - QTransform().rotate(-rotation_).map(delta) / zoom_);
}

void Viewport::centreOn(const QPointF& point) {
  centre_ = {std::clamp(point.x(), slide_.left(), slide_.right()),
             std::clamp(point.y(), slide_.top(), slide_.bottom())};
}

void Viewport::rotateTo(double degrees) {
  rotation_ = std::fmod(std::fmod(degrees, 360) + 360, 360);
}

QTransform Viewport::toScreen() const {
  if (rotation_ == 0) {
    // Upright, slide pixels begin on screen pixels: what is shown one to one is not blurred.
    return {zoom_,
            0,
            0,
            zoom_,
            std::round(screen_.width() / 2 - zoom_ * centre_.x()),
            std::round(screen_.height() / 2 - zoom_ * centre_.y())};
  }
  return QTransform()
      .translate(screen_.width() / 2, screen_.height() / 2)
      .rotate(rotation_)
      .scale(zoom_, zoom_)
      .translate(-centre_.x(), -centre_.y());
}

QPointF Viewport::toSlide(const QPointF& point) const {
  return toScreen().inverted().map(point);
}

QRectF Viewport::visible() const {
  return toScreen().inverted().mapRect(QRectF(QPointF(0, 0), screen_)).intersected(slide_);
}

int levelFor(const std::vector<double>& downsamples, double pixels) {
  int level = 0;
  for (std::size_t i = 1; i < downsamples.size(); ++i)
    if (downsamples[i] * pixels <= kFinerThanNeeded) level = static_cast<int>(i);
  return level;
}

}  // namespace fovea::gui
