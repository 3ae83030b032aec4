#include "scan/colour_legend.h"

#include <fovea/pipeline/colour_table.h>

#include <QPainter>

#include "scan/number_text.h"

namespace fovea::gui {
namespace {

constexpr int kBarHeight = 12, kGap = 3;

QString value_text(double value) {
  return significant_text(value, 3);
}

}  // namespace

ColourLegend::ColourLegend(ScanScene* scene, QWidget* parent) : QWidget(parent), scene_(scene) {
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
  const auto refresh = [this] {
    const ColourLayer& layer = scene_->overlay();
    setAccessibleName(
        tr("Colour scale of %1, from %2 to %3").arg(layer.name, value_text(layer.low), value_text(layer.high)));
    update();
  };
  connect(scene, &ScanScene::contentChanged, this, refresh);
  connect(scene, &ScanScene::appearanceChanged, this, refresh);
  refresh();
}

QSize ColourLegend::sizeHint() const {
  return {160, kBarHeight + kGap + fontMetrics().height()};
}

void ColourLegend::paintEvent(QPaintEvent*) {
  const ColourLayer& layer = scene_->overlay();
  if (!layer.volume) return;
  QPainter painter(this);
  const auto table = pipeline::colour_table(layer.map.toStdString());
  for (int x = 0; x < width(); ++x)
    painter.fillRect(x, 0, 1, kBarHeight, QColor(table[static_cast<std::size_t>(x * 255 / std::max(width() - 1, 1))]));
  painter.setPen(palette().color(QPalette::WindowText));
  const QRect line(0, kBarHeight + kGap, width(), fontMetrics().height());
  painter.drawText(line, Qt::AlignLeft, value_text(layer.low));
  painter.drawText(line, Qt::AlignHCenter, value_text((layer.low + layer.high) / 2));
  painter.drawText(line, Qt::AlignRight, value_text(layer.high));
}

}  // namespace fovea::gui
