#include "widgets/canvas_layers.h"

#include <fovea/pipeline/colour_table.h>

#include <QCoreApplication>
#include <QLocale>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

#include "model/patch_model.h"
#include "model/units.h"
#include "widgets/draw_image.h"
#include "widgets/theme.h"

namespace fovea::gui {
namespace {

constexpr int kMargin = 14;        // of what is pinned to the window
constexpr int kTopFrames = 10;     // most attended tiles that are framed
constexpr double kLeastFrame = 9;  // pixels: small tiles stay visible at low zoom

struct Tr {
  Q_DECLARE_TR_FUNCTIONS(Canvas)
};

/// Text on a plate that is readable over any slide.
void plate(QPainter& painter, const QRectF& where, const QString& text, Qt::Alignment alignment = Qt::AlignCenter) {
  const ThemeColours& c = themeColours();
  QColor ground = c.panel;
  ground.setAlpha(235);
  painter.setPen(QPen(c.line, 1));
  painter.setBrush(ground);
  painter.drawRoundedRect(where, 6, 6);
  painter.setPen(c.text);
  painter.drawText(where.adjusted(9, 0, -9, 0), alignment, text);
}

void frame(QPainter& painter, const QTransform& to_screen, const QRectF& tile, const QColor& colour, double width) {
  QPolygonF corners = to_screen.map(QPolygonF(tile));
  if (const double edge = QLineF(corners[0], corners[1]).length(); edge < kLeastFrame) {
    const QPointF middle = corners.boundingRect().center();
    corners = QPolygonF(QRectF(middle.x() - kLeastFrame / 2, middle.y() - kLeastFrame / 2, kLeastFrame, kLeastFrame));
  }
  painter.setBrush(Qt::NoBrush);
  // Dark below light: seen over tissue of any colour.
  painter.setPen(QPen(QColor(0, 0, 0, 170), width + 2, Qt::SolidLine, Qt::SquareCap, Qt::MiterJoin));
  painter.drawPolygon(corners);
  painter.setPen(QPen(colour, width, Qt::SolidLine, Qt::SquareCap, Qt::MiterJoin));
  painter.drawPolygon(corners);
}

void paint_tissue(QPainter& painter, const QTransform& to_screen, const std::vector<pipeline::Outline>& tissue,
                  const QRectF& visible) {
  painter.setBrush(Qt::NoBrush);
  painter.setPen(QPen(QColor(0x1f, 0x8a, 0x94), 1.6));
  for (const pipeline::Outline& outline : tissue) {
    for (const auto& ring : outline) {
      QPolygonF points;
      points.reserve(static_cast<qsizetype>(ring.size()));
      for (const auto& [x, y] : ring) points << QPointF(x, y);
      if (points.boundingRect().intersects(visible)) painter.drawPolygon(to_screen.map(points));
    }
  }
}

void paint_tiles(QPainter& painter, const QTransform& to_screen, const CanvasContent& content,
                 const OverlayStyle& style) {
  const AttentionView& view = *content.attention;
  const QColor white(255, 255, 255), gold(0xff, 0xd4, 0x4d);
  if (style.top_frames && !content.live)
    for (std::size_t i = 0; i < std::min<std::size_t>(kTopFrames, view.top.size()); ++i)
      frame(painter, to_screen, tileRect(*view.result, view.top[i]), white, 1);
  if (content.hovered_tile >= 0) frame(painter, to_screen, tileRect(*view.result, content.hovered_tile), white, 1.5);
  if (content.selected_tile >= 0)
    frame(painter, to_screen, tileRect(*view.result, content.selected_tile), gold, 2 + 3 * content.flash);
}

void paint_regions(QPainter& painter, const QTransform& to_screen, const QList<Region>& regions) {
  const QColor colour(0x2f, 0x6f, 0xed);
  for (const Region& region : regions) {
    const QPolygonF points = to_screen.map(region.points);
    QPointF label = points.value(0);
    painter.setPen(QPen(Qt::white, 4));
    painter.setBrush(Qt::NoBrush);
    if (region.shape == Region::Shape::kPoint) {
      painter.drawEllipse(label, 6, 6);
      painter.setPen(QPen(colour, 2.2));
      painter.drawEllipse(label, 6, 6);
      label += QPointF(10, -8);
    } else {
      painter.drawPolygon(points);
      QColor fill = colour;
      fill.setAlpha(26);
      painter.setBrush(fill);
      painter.setPen(QPen(colour, 2.2));
      painter.drawPolygon(points);
      label = points.boundingRect().topLeft() + QPointF(0, -26);
    }
    const double width = painter.fontMetrics().horizontalAdvance(region.name) + 18;
    plate(painter, QRectF(label, QSizeF(width, 22)), region.name);
  }
}

void paint_drawing(QPainter& painter, const QTransform& to_screen, const CanvasContent& content) {
  QPolygonF points = to_screen.map(content.drawing);
  QLineF measure;
  if (content.tool == CanvasTool::kMeasure && points.size() >= 2)
    measure = QLineF(content.drawing.first(), content.drawing.last());
  else if (points.isEmpty() && content.tool == CanvasTool::kMeasure)
    measure = content.measure;
  painter.setBrush(Qt::NoBrush);
  const auto twice = [&](const QPolygonF& line) {
    painter.setPen(QPen(Qt::white, 4));
    painter.drawPolyline(line);
    painter.setPen(QPen(QColor(0x10, 0x18, 0x20), 2));
    painter.drawPolyline(line);
  };
  if (!measure.isNull()) {
    const QLineF line = to_screen.map(measure);
    twice(QPolygonF{line.p1(), line.p2()});
    const QString text = content.mpp > 0 ? lengthText(measure.length() * content.mpp)
                                         : Tr::tr("%1 px").arg(std::lround(measure.length()));
    const double width = painter.fontMetrics().horizontalAdvance(text) + 18;
    plate(painter, QRectF(line.p2() + QPointF(10, 8), QSizeF(width, 24)), text);
    return;
  }
  if (points.size() < 2) return;
  if (content.tool == CanvasTool::kRectangle) {
    const QPolygonF box(QRectF(content.drawing.first(), content.drawing.last()).normalized());
    points = to_screen.map(box);
  }
  twice(points);
}

/// Scale bar and magnification; returns the top of what it took.
double paint_scale(QPainter& painter, const Viewport& viewport, double mpp) {
  const double bottom = viewport.screen().height() - kMargin;
  const QRectF box(kMargin, bottom - 44, 250, 44);
  if (mpp <= 0) {
    plate(painter, QRectF(kMargin, bottom - 28, 250, 28), Tr::tr("Scale unknown: enter µm per pixel to run"));
    return bottom - 28;
  }
  const double um_per_pixel = mpp / viewport.zoom();
  const double length = roundLength(150 * um_per_pixel);
  plate(painter, box, {});
  const QPointF left(box.left() + 12, box.bottom() - 13);
  painter.setPen(QPen(themeColours().text, 2, Qt::SolidLine, Qt::FlatCap));
  const QPointF right = left + QPointF(length / um_per_pixel, 0);
  painter.drawLine(left, right);
  painter.drawLine(left + QPointF(1, -5), left + QPointF(1, 1));
  painter.drawLine(right + QPointF(-1, -5), right + QPointF(-1, 1));
  painter.drawText(QPointF(left.x(), left.y() - 9), lengthText(length));
  painter.drawText(QRectF(box.right() - 82, box.top(), 72, box.height()), Qt::AlignRight | Qt::AlignVCenter,
                   magnificationText(um_per_pixel));
  return box.top();
}

void paint_legend(QPainter& painter, const CanvasContent& content, const OverlayStyle& style, double bottom) {
  const pipeline::AttentionRaster& raster = content.attention->raster;
  const QRectF box(kMargin, bottom - 62, 250, 54);
  plate(painter, box, {});
  const QRectF bar(box.left() + 12, box.top() + 24, box.width() - 24, 8);
  const auto colours = pipeline::colour_table(style.map);
  QLinearGradient gradient(bar.topLeft(), bar.topRight());
  for (int i = 0; i <= 16; ++i)
    gradient.setColorAt(i / 16.0, QColor(QRgb(colours[static_cast<std::size_t>(i * 255 / 16)])));
  painter.fillRect(bar, gradient);
  painter.setPen(themeColours().text);
  const QString caption = content.live ? Tr::tr("attention so far") : QString::fromStdString(raster.caption);
  painter.drawText(QRectF(bar.left(), box.top() + 4, bar.width(), 18), Qt::AlignLeft | Qt::AlignVCenter,
                   painter.fontMetrics().elidedText(caption, Qt::ElideRight, static_cast<int>(bar.width())));
  const auto number = [&](double share) {
    return QLocale().toString(raster.low + (raster.high - raster.low) * share, 'g', 2);
  };
  const QRectF numbers(bar.left(), bar.bottom() + 1, bar.width(), 18);
  painter.drawText(numbers, Qt::AlignLeft, number(0));
  painter.drawText(numbers, Qt::AlignHCenter, number(0.5));
  painter.drawText(numbers, Qt::AlignRight, number(1));
}

void paint_hover(QPainter& painter, const Viewport& viewport, const CanvasContent& content) {
  const AttentionView& view = *content.attention;
  const auto tile = static_cast<std::size_t>(content.hovered_tile);
  const QString text =
      Tr::tr("No. %1 of %2, %3 of the attention")
          .arg(QLocale().toString(static_cast<qint64>(view.rank[tile])),
               QLocale().toString(static_cast<qint64>(view.result->tiles())), shareText(view.attention[tile]));
  const double width = painter.fontMetrics().horizontalAdvance(text) + 24;
  plate(painter, QRectF((viewport.screen().width() - width) / 2, kMargin, width, 28), text);
}

}  // namespace

QRectF tileRect(const pipeline::AttentionResult& attention, qint64 tile) {
  const auto i = static_cast<std::size_t>(2 * tile);
  return {static_cast<double>(attention.coords[i]), static_cast<double>(attention.coords[i + 1]),
          attention.footprint_px, attention.footprint_px};
}

void paintHeatmap(QPainter& painter, const QTransform& to_screen, const CanvasContent& content,
                  const OverlayStyle& style) {
  if (content.heatmap.isNull() || !style.heatmap || style.hidden_while_held) return;
  const pipeline::AttentionRaster& raster = content.attention->raster;
  painter.save();
  painter.setRenderHint(QPainter::SmoothPixmapTransform, style.smooth);
  painter.setOpacity(painter.opacity() * style.opacity);
  painter.setTransform(to_screen, true);
  drawImageTurned(painter, {raster.x0, raster.y0, raster.width * raster.pixel_px, raster.height * raster.pixel_px},
                  content.heatmap);
  painter.restore();
}

void paintOverlays(QPainter& painter, const Viewport& viewport, const CanvasContent& content, const OverlayStyle& style,
                   const QList<Region>& regions) {
  const QTransform to_screen = viewport.toScreen();
  paintHeatmap(painter, to_screen, content, style);
  painter.setRenderHint(QPainter::Antialiasing);
  if (style.tissue) paint_tissue(painter, to_screen, content.tissue, viewport.visible());
  if (content.attention && !style.hidden_while_held) paint_tiles(painter, to_screen, content, style);
  if (style.regions) paint_regions(painter, to_screen, regions);
  paint_drawing(painter, to_screen, content);
  const double top = paint_scale(painter, viewport, content.mpp);
  if (content.attention && style.heatmap) paint_legend(painter, content, style, top);
  if (content.attention && content.hovered_tile >= 0) paint_hover(painter, viewport, content);
}

}  // namespace fovea::gui
