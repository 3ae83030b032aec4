#include "widgets/curve_plot.h"

#include <QKeyEvent>
#include <QLocale>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

#include "widgets/theme.h"

namespace fovea::gui {
namespace {

constexpr int kGap = 6, kMark = 4;
constexpr double kPad = 0.04;  // of the range, above and below

/// Okabe and Ito's set, shifted to at least 3:1 on each ground.
constexpr QRgb kOnLight[] = {0xff0067a3, 0xffb34700, 0xff00795a, 0xff9a4a80, 0xff7a5c00, 0xff2b2b2b};
constexpr QRgb kOnDark[] = {0xff56b4e9, 0xffe69f00, 0xff2fc596, 0xffe18fc0, 0xfff0e442, 0xffd5dbe2};
constexpr int kColours = 6;

/// The mark of a group: circle, square, triangle, diamond, cross.
void draw_mark(QPainter& painter, const QPointF& at, int group, double size) {
  switch (group % 5) {
    case 0: painter.drawEllipse(at, size, size); break;
    case 1: painter.drawRect(QRectF(at.x() - size, at.y() - size, 2 * size, 2 * size)); break;
    case 2:
      painter.drawPolygon(
          QPolygonF{{at.x(), at.y() - size}, {at.x() + size, at.y() + size}, {at.x() - size, at.y() + size}});
      break;
    case 3:
      painter.drawPolygon(QPolygonF{
          {at.x(), at.y() - size}, {at.x() + size, at.y()}, {at.x(), at.y() + size}, {at.x() - size, at.y()}});
      break;
    default:
      painter.drawLine(at - QPointF(size, size), at + QPointF(size, size));
      painter.drawLine(at - QPointF(size, -size), at + QPointF(size, -size));
  }
}

QString number(double value) {
  return QLocale().toString(value, 'g', 4);
}

bool is_dark() {
  return themeColours().field.lightness() < 128;
}

}  // namespace

QColor curveColour(int group, bool dark) {
  return QColor::fromRgb((dark ? kOnDark : kOnLight)[group % kColours]);
}

CurvePlot::CurvePlot(const QString& title, QWidget* parent) : QWidget(parent) {
  setFocusPolicy(Qt::StrongFocus);
  setMouseTracking(true);
  setTitle(title);
}

void CurvePlot::setTitle(const QString& title) {
  title_ = title;
  setAccessibleName(title);
  update();
}

void CurvePlot::setCurves(std::vector<Curve> curves, const QString& empty) {
  curves_ = std::move(curves), empty_ = empty;
  x_ = rangeOf(curves_, true), y_ = rangeOf(curves_, false);
  const double pad = kPad * y_.span();
  y_ = {y_.low - pad, y_.high + pad};
  describe();
  update();
}

void CurvePlot::setChosen(int group) {
  chosen_ = group;
  update();
}

void CurvePlot::setCursor(double epoch) {
  if (epoch == cursor_) return;
  cursor_ = epoch;
  describe();
  update();
}

QString CurvePlot::reading() const {
  if (cursor_ < 0 || curves_.empty()) return {};
  QStringList parts;
  for (const Curve& curve : curves_) {
    if (chosen_ >= 0 && curve.group != chosen_) continue;
    const double value = valueAt(curve, cursor_);
    if (!std::isfinite(value)) continue;
    const QString what = curve.quantity.isEmpty() ? curve.name : curve.name + QLatin1Char(' ') + curve.quantity;
    parts << QStringLiteral("%1 %2").arg(what, number(value));
  }
  return tr("epoch %1: %2").arg(cursor_).arg(parts.join(QStringLiteral("; ")));
}

void CurvePlot::describe() {
  const QString text = reading();
  setAccessibleDescription(
      text.isEmpty() ? (curves_.empty() ? empty_ : tr("%n curve(s)", nullptr, static_cast<int>(curves_.size())))
                     : text);
  setToolTip(text);
}

QRectF CurvePlot::frame() const {
  const QFontMetrics metrics = fontMetrics();
  const double left = metrics.horizontalAdvance(QStringLiteral("0.0000")) + 2 * kGap;
  const double top = metrics.height() + 2 * kGap, bottom = 2 * metrics.height() + 2 * kGap;
  return QRectF(rect()).adjusted(left, top, -3 * kGap, -bottom);
}

QPointF CurvePlot::positionOf(double epoch, double value) const {
  const QRectF f = frame();
  return {f.left() + (epoch - x_.low) / x_.span() * f.width(), f.bottom() - (value - y_.low) / y_.span() * f.height()};
}

void CurvePlot::drawAxes(QPainter& painter, const QRectF& f) const {
  const ThemeColours& c = themeColours();
  const QFontMetrics metrics = fontMetrics();
  const QList<double> across = ticksOf(x_, std::max(2, static_cast<int>(f.width() / 70)));
  const QList<double> up = ticksOf(y_, std::max(2, static_cast<int>(f.height() / 36)));
  const auto step = [](const QList<double>& ticks) { return ticks.size() > 1 ? ticks[1] - ticks[0] : 1.0; };
  for (const double value : up) {
    const double y = positionOf(x_.low, value).y();
    painter.setPen(QPen(c.line, 1));
    painter.drawLine(QPointF(f.left(), y), QPointF(f.right(), y));
    painter.setPen(c.muted);
    painter.drawText(QRectF(0, y - metrics.height(), f.left() - kGap, 2 * metrics.height()),
                     Qt::AlignRight | Qt::AlignVCenter, tickText(value, step(up)));
  }
  for (const double value : across) {
    if (value != std::floor(value)) continue;  // there is no half epoch
    const double x = positionOf(value, y_.low).x();
    painter.setPen(QPen(c.muted, 1));
    painter.drawLine(QPointF(x, f.bottom()), QPointF(x, f.bottom() + 3));
    painter.drawText(QRectF(x - 40, f.bottom() + 3, 80, metrics.height()), Qt::AlignCenter,
                     QLocale().toString(static_cast<qlonglong>(value)));
  }
  painter.setPen(c.muted);
  painter.drawLine(f.bottomLeft(), f.bottomRight());
  painter.drawText(QRectF(f.left(), f.bottom() + 3 + metrics.height(), f.width(), metrics.height()), Qt::AlignRight,
                   tr("epoch"));
}

void CurvePlot::drawCurve(QPainter& painter, const QRectF& f, const Curve& curve) const {
  QColor colour = curveColour(curve.group, is_dark());
  const bool back = chosen_ >= 0 && curve.group != chosen_;
  if (back) colour.setAlphaF(0.25F);
  painter.setPen(
      QPen(colour, back ? 1 : 1.8, curve.second ? Qt::DashLine : Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
  painter.setBrush(Qt::NoBrush);
  QPainterPath path;
  QPointF last;
  bool open = false;
  for (const QPointF& point : thinned(curve, x_, static_cast<int>(f.width()))) {
    if (!std::isfinite(point.y())) {
      open = false;
      continue;
    }
    const QPointF at = positionOf(point.x(), point.y());
    if (open)
      path.lineTo(at);
    else
      path.moveTo(at);
    open = true, last = at;
  }
  painter.drawPath(path);
  if (path.isEmpty() && last.isNull()) return;
  painter.setPen(QPen(colour, 1.6));
  painter.setBrush(curve.second ? QBrush(themeColours().field) : QBrush(colour));
  draw_mark(painter, last, curve.group, kMark - 1);
  if (curve.marked >= 0 && !back) {
    painter.setBrush(Qt::NoBrush);
    painter.drawEllipse(positionOf(curve.marked, valueAt(curve, curve.marked)), kMark + 3, kMark + 3);
  }
}

void CurvePlot::drawCursor(QPainter& painter, const QRectF& f) const {
  if (cursor_ < x_.low || cursor_ > x_.high) return;
  const ThemeColours& c = themeColours();
  const double x = positionOf(cursor_, y_.low).x();
  painter.setPen(QPen(c.text, 1, Qt::DotLine));
  painter.drawLine(QPointF(x, f.top()), QPointF(x, f.bottom()));
  for (const Curve& curve : curves_) {
    const double value = valueAt(curve, cursor_);
    if (!std::isfinite(value) || (chosen_ >= 0 && curve.group != chosen_)) continue;
    painter.setPen(QPen(c.text, 1));
    painter.setBrush(curveColour(curve.group, is_dark()));
    draw_mark(painter, positionOf(cursor_, value), curve.group, kMark);
  }
}

void CurvePlot::paintEvent(QPaintEvent*) {
  const ThemeColours& c = themeColours();
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(QPen(hasFocus() ? c.accent : c.line, hasFocus() ? 2 : 1));
  painter.setBrush(c.field);
  painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 7, 7);
  const QFontMetrics metrics = fontMetrics();
  QFont bold = font();
  bold.setWeight(QFont::DemiBold);
  painter.setFont(bold);
  painter.setPen(c.text);
  const int wide = QFontMetrics(bold).horizontalAdvance(title_);
  painter.drawText(QPointF(2 * kGap, kGap + metrics.ascent()), title_);
  painter.setFont(font());
  const QRectF f = frame();
  if (curves_.empty()) {
    painter.setPen(c.muted);
    painter.drawText(QRectF(rect()).adjusted(kGap, kGap, -kGap, -kGap), Qt::AlignCenter | Qt::TextWordWrap, empty_);
    return;
  }
  // The value under the cursor beside the title: a tooltip alone cannot be read by keyboard.
  const QRectF beside(2 * kGap + wide + 2 * kGap, kGap, width() - wide - 6 * kGap, metrics.height());
  painter.setPen(c.muted);
  painter.drawText(beside, Qt::AlignRight,
                   metrics.elidedText(reading(), Qt::ElideRight, static_cast<int>(std::max(0.0, beside.width()))));
  drawAxes(painter, f);
  painter.save();
  painter.setClipRect(f.adjusted(-kMark - 4, -kMark - 4, kMark + 4, kMark + 4));
  for (const bool chosen : {false, true})
    for (const Curve& curve : curves_)
      if ((curve.group == chosen_) == chosen) drawCurve(painter, f, curve);
  drawCursor(painter, f);
  painter.restore();
}

void CurvePlot::move(double epoch) {
  if (curves_.empty()) return;
  const double wanted = std::clamp(std::round(epoch), std::ceil(x_.low), std::floor(x_.high));
  if (wanted == cursor_) return;
  setCursor(wanted);
  Q_EMIT cursorMoved(wanted);
}

void CurvePlot::mouseMoveEvent(QMouseEvent* event) {
  const QRectF f = frame();
  if (f.width() > 0) move(x_.low + (event->position().x() - f.left()) / f.width() * x_.span());
}

void CurvePlot::leaveEvent(QEvent*) {
  if (hasFocus()) return;
  setCursor(-1);
  Q_EMIT cursorMoved(-1);
}

void CurvePlot::keyPressEvent(QKeyEvent* event) {
  const double at = cursor_ < 0 ? x_.high + 1 : cursor_;
  const double step = event->modifiers() & Qt::ControlModifier ? 10 : 1;
  switch (event->key()) {
    case Qt::Key_Left: return move(at - step);
    case Qt::Key_Right: return move(cursor_ < 0 ? x_.low : at + step);
    case Qt::Key_Home: return move(x_.low);
    case Qt::Key_End: return move(x_.high);
    default: QWidget::keyPressEvent(event);
  }
}

void CurvePlot::focusInEvent(QFocusEvent* event) {
  QWidget::focusInEvent(event);
  update();
}
void CurvePlot::focusOutEvent(QFocusEvent* event) {
  QWidget::focusOutEvent(event);
  update();
}

}  // namespace fovea::gui
