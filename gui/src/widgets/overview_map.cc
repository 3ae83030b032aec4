#include "widgets/overview_map.h"

#include <QMouseEvent>
#include <QPainter>

#include <algorithm>

#include "widgets/canvas_layers.h"
#include "widgets/theme.h"

namespace fovea::gui {
namespace {

constexpr double kLongEdge = 170;
constexpr int kMargin = 14;
constexpr double kLeastFrame = 6;

}  // namespace

OverviewMap::OverviewMap(SlideCanvas& canvas, QWidget* parent) : QWidget(parent), canvas_(canvas) {
  setObjectName(QStringLiteral("overviewMap"));
  setAccessibleName(tr("Overview of the slide"));
  setCursor(Qt::PointingHandCursor);
  connect(&canvas_, &SlideCanvas::viewChanged, this, qOverload<>(&QWidget::update));
  connect(&canvas_, &SlideCanvas::styleChanged, this, qOverload<>(&QWidget::update));
}

void OverviewMap::place() {
  const QSizeF slide = canvas_.viewport().slide().size();
  const double scale = kLongEdge / std::max({1.0, slide.width(), slide.height()});
  resize(std::max(40, static_cast<int>(slide.width() * scale)), std::max(40, static_cast<int>(slide.height() * scale)));
  move(parentWidget()->width() - width() - kMargin, parentWidget()->height() - height() - kMargin);
}

QTransform OverviewMap::toMap() const {
  const QRectF& slide = canvas_.viewport().slide();
  return QTransform::fromScale(width() / slide.width(), height() / slide.height()).translate(-slide.x(), -slide.y());
}

void OverviewMap::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.fillRect(rect(), themeColours().field);
  TileLoader* loader = canvas_.tiles();
  if (!loader) return;
  const auto& levels = loader->slide().info().levels;
  const int level = static_cast<int>(levels.size()) - 1;
  const double edge = pipeline::SlideView::kTilePx * levels.back().downsample;
  painter.save();
  painter.setRenderHint(QPainter::SmoothPixmapTransform);
  painter.setTransform(toMap(), true);
  for (int row = 0; row * pipeline::SlideView::kTilePx < levels.back().height; ++row) {
    for (int column = 0; column * pipeline::SlideView::kTilePx < levels.back().width; ++column) {
      const QImage tile = loader->tile({level, column, row});
      if (!tile.isNull())
        painter.drawImage(QRectF(column * edge, row * edge, tile.width() * levels.back().downsample,
                                 tile.height() * levels.back().downsample),
                          tile);
    }
  }
  painter.restore();
  paintHeatmap(painter, toMap(), canvas_.content(), canvas_.overlayStyle());
  const Viewport& view = canvas_.viewport();
  const QTransform back = view.toScreen().inverted() * toMap();
  QPolygonF frame = back.map(QPolygonF(QRectF(QPointF(0, 0), view.screen())));
  if (const QRectF box = frame.boundingRect(); box.width() < kLeastFrame || box.height() < kLeastFrame) {
    QRectF least(0, 0, std::max(kLeastFrame, box.width()), std::max(kLeastFrame, box.height()));
    least.moveCenter(box.center());
    frame = QPolygonF(least);
  }
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(QPen(Qt::white, 4));
  painter.drawPolygon(frame);
  painter.setPen(QPen(QColor(0x0b, 0x6b, 0x74), 2));
  painter.drawPolygon(frame);
  painter.setPen(QPen(themeColours().line, 1));
  painter.drawRect(rect().adjusted(0, 0, -1, -1));
}

void OverviewMap::mousePressEvent(QMouseEvent* event) {
  canvas_.centreOn(toMap().inverted().map(event->position()));
}

void OverviewMap::mouseMoveEvent(QMouseEvent* event) {
  if (event->buttons() & Qt::LeftButton) canvas_.centreOn(toMap().inverted().map(event->position()));
}

}  // namespace fovea::gui
