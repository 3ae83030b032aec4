// One plane of the scan: draws it, and turns mouse, wheel and keys into changes of the scene.
#pragma once

#include <QPixmap>
#include <QWidget>

#include "scan/scan_scene.h"
#include "scan/slice_image.h"

namespace fovea::gui {

/// Colour of a plane's name, frame and of its line in the other panes.
QColor plane_colour(Plane plane);
QString plane_name(Plane plane);

inline constexpr double kMinSliceZoom = 0.5, kMaxSliceZoom = 40;

class SlicePane : public QWidget {
  Q_OBJECT

 public:
  SlicePane(ScanScene* scene, Plane plane, QWidget* parent = nullptr);

  Plane plane() const { return plane_; }
  void setPlane(Plane plane);
  /// A word before the plane's name, such as "Earlier".
  void setCaption(const QString& caption);
  double zoom() const { return zoom_; }
  void setZoom(double zoom);  ///< 1 fits the slice
  QPointF panMm() const { return pan_mm_; }
  void setPanMm(const QPointF& pan_mm);

  SliceTransform transform() const;
  /// Voxel under a point of the widget; false outside the slice.
  bool voxelAt(const QPointF& position, pipeline::ViewIndex* at) const;
  QPointF positionOf(const pipeline::ViewIndex& at) const;

  QSize sizeHint() const override { return {320, 320}; }
  QSize minimumSizeHint() const override { return {120, 120}; }

 Q_SIGNALS:
  void zoomChanged(double zoom);
  void panChanged(const QPointF& pan_mm);
  void maximiseRequested();
  void planeRequested(fovea::gui::Plane plane);
  void hovered(const QString& text);
  void lesionClicked(int index);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void keyReleaseEvent(QKeyEvent* event) override;
  void focusOutEvent(QFocusEvent* event) override;
  void leaveEvent(QEvent* event) override;

 private:
  enum class Drag { kNone, kPressed, kWindow, kCrosshair, kZoom, kPan };

  void dropPicture();
  void drawPicture();
  void drawCrosshair(QPainter& painter) const;
  void drawText(QPainter& painter) const;
  void drawScaleBar(QPainter& painter) const;
  void zoomAbout(const QPointF& position, double factor);
  void placeCursor(const QPointF& position);
  void showCursor();
  bool moveByKey(QKeyEvent* event);
  bool appearanceByKey(QKeyEvent* event);
  bool nudge(int key, const QPointF& step);
  void describe();

  ScanScene* scene_;
  Plane plane_;
  QString caption_;
  double zoom_ = 1;
  QPointF pan_mm_;
  Drag drag_ = Drag::kNone;
  QPointF pressed_, last_;
  GreyWindow window_at_press_;
  int wheel_rest_ = 0;
  QPixmap picture_;  ///< greys, labels and outlines at the widget's size
  quint64 picture_revision_ = 0;
  std::int64_t picture_slice_ = -1;
};

}  // namespace fovea::gui
