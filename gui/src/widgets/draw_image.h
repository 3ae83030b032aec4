// A picture under the painter's transform, whichever way that is turned.
#pragma once

#include <QImage>
#include <QPainter>

namespace fovea::gui {

/// As QPainter::drawImage(where, image). Qt 6.4's quick scaling reads outside the picture where the transform turns it
/// by half: there the picture itself is turned and the transform stays upright.
inline void drawImageTurned(QPainter& painter, const QRectF& where, const QImage& image) {
  const QTransform turn = painter.worldTransform();
  if (turn.type() > QTransform::TxScale || (turn.m11() > 0 && turn.m22() > 0)) return painter.drawImage(where, image);
  painter.save();
  painter.setWorldTransform({});
  painter.drawImage(turn.mapRect(where), image.mirrored(turn.m11() < 0, turn.m22() < 0));
  painter.restore();
}

}  // namespace fovea::gui
