// What is drawn over the slide's pixels: heatmap, outlines, frames, regions, measures, scale bar and legend.
#pragma once

#include <QPainter>

#include "widgets/slide_canvas.h"

namespace fovea::gui {

QRectF tileRect(const pipeline::AttentionResult& attention, qint64 tile);

/// The painter is in logical pixels of the canvas.
void paintOverlays(QPainter& painter, const Viewport& viewport, const CanvasContent& content, const OverlayStyle& style,
                   const QList<Region>& regions);

/// The heatmap alone, `viewport` to the painter's plane. Used by the overview too.
void paintHeatmap(QPainter& painter, const QTransform& to_screen, const CanvasContent& content,
                  const OverlayStyle& style);

}  // namespace fovea::gui
