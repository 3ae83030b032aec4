// Device, memory, folders, privacy, appearance.
#pragma once

#include <QDialog>

#include "model/settings.h"

namespace fovea::gui {

/// True when the user accepted; `settings` then hold the choices.
bool editSettings(QWidget* parent, Settings& settings);

}  // namespace fovea::gui
