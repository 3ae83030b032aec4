// Where a slide lies on the screen: centre, zoom, rotation. Pure geometry, no widget.
#pragma once

#include <QPointF>
#include <QRectF>
#include <QSizeF>
#include <QTransform>

#include <vector>

namespace fovea::gui {

/// Slide positions are level-0 pixels, screen positions logical pixels of the widget.
class Viewport {
 public:
  void setSlide(const QRectF& bounds);
  void setScreen(const QSizeF& size) { screen_ = size; }
  const QRectF& slide() const { return slide_; }
  const QSizeF& screen() const { return screen_; }

  /// The whole slide, with a little air around it.
  void fit();
  double fitZoom() const;
  double minZoom() const { return fitZoom() / 2; }
  double maxZoom() const { return 16; }

  double zoom() const { return zoom_; }          ///< screen pixels per level-0 pixel
  double rotation() const { return rotation_; }  ///< degrees clockwise
  const QPointF& centre() const { return centre_; }

  /// The slide point under `anchor` stays under it.
  void zoomTo(double zoom, const QPointF& anchor);
  void zoomTo(double zoom) { zoomTo(zoom, {screen_.width() / 2, screen_.height() / 2}); }
  void panBy(const QPointF& screen_delta);
  /// The nearest point of the slide.
  void centreOn(const QPointF& slide_point);
  void rotateTo(double degrees);

  QTransform toScreen() const;
  QPointF toSlide(const QPointF& screen_point) const;
  /// The smallest upright rectangle of the slide that holds all that is visible, within the slide.
  QRectF visible() const;

 private:
  QRectF slide_{0, 0, 1, 1};
  QSizeF screen_{1, 1};
  QPointF centre_{0.5, 0.5};
  double zoom_ = 1, rotation_ = 0;
};

/// The coarsest of `downsamples` (finest first) that still has a pixel for each of the screen; the finest beyond it.
/// `pixels`: device pixels per level-0 pixel.
int levelFor(const std::vector<double>& downsamples, double pixels);

}  // namespace fovea::gui
