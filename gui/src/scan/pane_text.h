// Words over a picture: light with a dark rim, so that they can be read on black and on white.
#pragma once

#include <QColor>
#include <QPainter>
#include <QString>

namespace fovea::gui {

inline void draw_pane_text(QPainter& painter, const QRect& box, int alignment, const QString& text,
                           const QColor& colour = Qt::white) {
  painter.setPen(QColor(0, 0, 0, 200));
  for (const QPoint& shift : {QPoint(-1, 0), QPoint(1, 0), QPoint(0, -1), QPoint(0, 1)})
    painter.drawText(box.translated(shift), alignment, text);
  painter.setPen(colour);
  painter.drawText(box, alignment, text);
}

}  // namespace fovea::gui
