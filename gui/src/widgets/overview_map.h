// The whole slide in a corner, with a frame around what the canvas shows. A click goes there.
#pragma once

#include <QWidget>

namespace fovea::gui {

class SlideCanvas;

class OverviewMap : public QWidget {
  Q_OBJECT

 public:
  OverviewMap(SlideCanvas& canvas, QWidget* parent);
  /// Takes its size from the slide's shape and sits in the lower right corner of the parent.
  void place();

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;

 private:
  QTransform toMap() const;

  SlideCanvas& canvas_;
};

}  // namespace fovea::gui
