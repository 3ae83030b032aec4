// Curves over epochs: axes with numbers, a cursor by mouse or arrow keys that tells the values, colours that are told
// apart without colour vision and by their marks.
#pragma once

#include <QWidget>

#include <vector>

#include "model/curve.h"

namespace fovea::gui {

/// Of a group of curves: dark enough on light ground, light enough on dark.
QColor curveColour(int group, bool dark);

class CurvePlot : public QWidget {
  Q_OBJECT

 public:
  explicit CurvePlot(const QString& title, QWidget* parent = nullptr);

  void setTitle(const QString& title);
  /// `empty`: what stands in the middle while there is no curve.
  void setCurves(std::vector<Curve> curves, const QString& empty);
  /// Only this group stands out; < 0: all.
  void setChosen(int group);
  /// The epoch under the cursor; < 0: none. Several plots share one.
  void setCursor(double epoch);
  double cursor() const { return cursor_; }
  /// "epoch 12: seed 0, fold 0 training 0.412, validation 0.501; ..."
  QString reading() const;
  /// Where a point of the curves is drawn.
  QPointF positionOf(double epoch, double value) const;

  QSize sizeHint() const override { return {320, 220}; }
  QSize minimumSizeHint() const override { return {200, 130}; }

 Q_SIGNALS:
  void cursorMoved(double epoch);

 protected:
  void paintEvent(QPaintEvent*) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent*) override;
  void keyPressEvent(QKeyEvent* event) override;
  void focusInEvent(QFocusEvent* event) override;
  void focusOutEvent(QFocusEvent* event) override;

 private:
  QRectF frame() const;
  void move(double epoch);
  void describe();
  void drawAxes(QPainter& painter, const QRectF& frame) const;
  void drawCurve(QPainter& painter, const QRectF& frame, const Curve& curve) const;
  void drawCursor(QPainter& painter, const QRectF& frame) const;

  QString title_, empty_;
  std::vector<Curve> curves_;
  Range x_, y_;
  int chosen_ = -1;
  double cursor_ = -1;
};

}  // namespace fovea::gui
