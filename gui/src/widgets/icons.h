// Line icons, drawn in the colour of the text around them.
#pragma once

#include <QIcon>
#include <QString>

namespace fovea::gui {

/// add, folder, run, stop, retry, log, report, queue, view, settings, help, hand, rectangle, polygon, point, ruler,
/// fit, rotate, map, contour, heat, undo, redo, trash, save, slide, scan, train.
QIcon icon(const QString& name);

}  // namespace fovea::gui
