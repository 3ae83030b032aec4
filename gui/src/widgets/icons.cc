#include "widgets/icons.h"

#include <QApplication>
#include <QHash>
#include <QIconEngine>
#include <QPainter>
#include <QPainterPath>
#include <QPalette>
#include <QPixmap>
#include <QTextStream>

#include "widgets/theme.h"

namespace fovea::gui {
namespace {

/// On a grid of 24: M x y, L x y, C x y r (circle), Z (close). Space-separated.
const QHash<QString, QString>& paths() {
  static const QHash<QString, QString> table{
      {"add", "M 12 5 L 12 19 M 5 12 L 19 12"},
      {"folder", "M 3 7 L 3 18 L 21 18 L 21 8 L 11 8 L 9 6 L 3 6 Z"},
      {"run", "M 8 5 L 19 12 L 8 19 Z"},
      {"stop", "M 6 6 L 18 6 L 18 18 L 6 18 Z"},
      {"retry", "M 18 8 L 18 13 L 13 13 M 18 13 L 15 8 L 10 6 L 6 9 L 5 13 L 8 18 L 13 19"},
      {"log", "M 6 4 L 18 4 L 18 20 L 6 20 Z M 9 9 L 15 9 M 9 12 L 15 12 M 9 15 L 13 15"},
      {"report", "M 5 3 L 14 3 L 19 8 L 19 21 L 5 21 Z M 14 3 L 14 8 L 19 8 M 8 12 L 16 12 M 8 16 L 14 16"},
      {"queue", "M 4 6 L 20 6 M 4 12 L 20 12 M 4 18 L 13 18"},
      {"train", "M 4 4 L 4 20 L 20 20 M 7 8 L 10 14 L 14 16 L 20 17"},
      {"view", "M 2 12 L 7 7 L 12 5 L 17 7 L 22 12 L 17 17 L 12 19 L 7 17 Z C 12 12 3"},
      {"settings", "M 4 7 L 20 7 M 4 12 L 20 12 M 4 17 L 20 17 C 9 7 2 C 15 12 2 C 8 17 2"},
      {"help", "C 12 12 9 M 9 10 L 10 8 L 13 8 L 15 10 L 12 13 L 12 14 M 12 16.5 L 12 17"},
      {"hand",
       "M 12 3 L 12 21 M 3 12 L 21 12 M 9 6 L 12 3 L 15 6 M 9 18 L 12 21 L 15 18 M 6 9 L 3 12 L 6 15 M 18 9 L 21 12 L "
       "18 15"},
      {"rectangle", "M 4 6 L 20 6 L 20 18 L 4 18 Z"},
      {"polygon", "M 5 9 L 13 4 L 20 10 L 16 19 L 7 18 Z"},
      {"point", "C 12 10 3 M 12 21 L 6 13 M 12 21 L 18 13"},
      {"ruler", "M 3 15 L 15 3 L 21 9 L 9 21 Z M 7 11 L 9 13 M 11 7 L 13 9"},
      {"fit", "M 4 9 L 4 4 L 9 4 M 15 4 L 20 4 L 20 9 M 20 15 L 20 20 L 15 20 M 9 20 L 4 20 L 4 15"},
      {"rotate", "M 19 5 L 19 10 L 14 10 M 19 10 L 15 6 L 10 5 L 6 8 L 5 13 L 8 18 L 13 19 L 17 17"},
      {"map", "M 3 5 L 21 5 L 21 19 L 3 19 Z M 12 12 L 19 12 L 19 17 L 12 17 Z"},
      {"contour", "M 5 12 L 8 6 L 14 5 L 19 9 L 18 15 L 12 19 L 7 17 Z"},
      {"heat", "M 4 4 L 20 4 L 20 20 L 4 20 Z M 4 12 L 20 12 M 12 4 L 12 20 M 13.5 6 L 18.5 10 M 13.5 10 L 18.5 6"},
      {"undo", "M 9 5 L 4 10 L 9 15 M 4 10 L 14 10 L 19 14 L 19 19"},
      {"redo", "M 15 5 L 20 10 L 15 15 M 20 10 L 10 10 L 5 14 L 5 19"},
      {"trash", "M 5 7 L 19 7 M 10 4 L 14 4 M 7 7 L 8 20 L 16 20 L 17 7"},
      {"save", "M 12 4 L 12 15 M 7 10 L 12 15 L 17 10 M 4 19 L 20 19"},
      {"slide", "M 3 8 L 21 8 L 21 16 L 3 16 Z M 7 8 L 7 16 C 14 12 2.5"},
      {"scan", "C 12 12 9 M 12 3 L 12 21 M 3 12 L 21 12"},
  };
  return table;
}

QPainterPath path_of(const QString& name) {
  QPainterPath path;
  QString text = paths().value(name);
  QTextStream stream(&text);
  while (!stream.atEnd()) {
    QString verb;
    double x = 0, y = 0, r = 0;
    stream >> verb;
    if (verb == QLatin1String("Z")) {
      path.closeSubpath();
      continue;
    }
    if (verb.isEmpty()) break;
    stream >> x >> y;
    if (verb == QLatin1String("M")) path.moveTo(x, y);
    if (verb == QLatin1String("L")) path.lineTo(x, y);
    if (verb == QLatin1String("C")) {
      stream >> r;
      path.addEllipse(QPointF(x, y), r, r);
    }
  }
  return path;
}

class LineIcon : public QIconEngine {
 public:
  LineIcon(QString name, bool on_accent) : name_(std::move(name)), on_accent_(on_accent) {}
  void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override {
    const auto group = mode == QIcon::Disabled ? QPalette::Disabled : QPalette::Active;
    const auto role = mode == QIcon::Selected ? QPalette::HighlightedText : QPalette::ButtonText;
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->translate(rect.topLeft());
    painter->scale(rect.width() / 24.0, rect.height() / 24.0);
    const QColor colour =
        on_accent_ && mode != QIcon::Disabled ? themeColours().on_accent : QApplication::palette().color(group, role);
    painter->setPen(QPen(colour, 1.7, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    painter->drawPath(path_of(name_));
    painter->restore();
  }
  QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
    QPixmap pixmap(size);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    paint(&painter, QRect(QPoint(0, 0), size), mode, state);
    return pixmap;
  }
  QIconEngine* clone() const override { return new LineIcon(name_, on_accent_); }

 private:
  QString name_;
  bool on_accent_;
};

}  // namespace

QIcon icon(const QString& name, bool on_accent) {
  return QIcon(new LineIcon(name, on_accent));
}

}  // namespace fovea::gui
