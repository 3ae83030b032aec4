// The lesions in the head from any side: turned by mouse or keys, a lesion is picked by a click.
#pragma once

#include <QWidget>

#include <memory>

#include "scan/scan_scene.h"
#include "scan/surface_render.h"

namespace fovea::gui {

struct SurfaceScene {
  std::vector<SurfaceMesh> lesions;
  SurfaceMesh head;
};

class SurfacePane : public QWidget {
  Q_OBJECT

 public:
  explicit SurfacePane(ScanScene* scene, QWidget* parent = nullptr);

  void setSurfaces(std::shared_ptr<const SurfaceScene> surfaces);
  const SurfaceCamera& camera() const { return camera_; }
  void setView(double turn, double tilt);
  QSize sizeHint() const override { return {320, 320}; }
  QSize minimumSizeHint() const override { return {120, 120}; }

 Q_SIGNALS:
  void maximiseRequested();
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

 private:
  void fit();
  void redraw();
  std::vector<SurfaceItem> items() const;
  int lesionNear(const QPointF& position) const;
  void drawLetters(QPainter& painter) const;
  void drawCursor(QPainter& painter) const;

  ScanScene* scene_;
  std::shared_ptr<const SurfaceScene> surfaces_;
  SurfaceCamera camera_;
  float radius_mm_ = 100;
  double zoom_ = 1;
  bool turned_ = false;
  QPointF pressed_, last_;
  SurfacePicture picture_;
};

}  // namespace fovea::gui
