// Line icons, drawn in the colour of the text around them.
#pragma once

#include <QIcon>
#include <QString>

namespace fovea::gui {

/// add, folder, run, stop, retry, log, report, queue, view, settings, help, hand, rectangle, polygon, point, ruler,
/// fit, rotate, map, contour, heat, undo, redo, trash, save, slide, scan, train.
/// `on_accent`: for a button of the accent's colour.
QIcon icon(const QString& name, bool on_accent = false);

}  // namespace fovea::gui
