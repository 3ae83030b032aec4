// Every key on one page (F1).
#pragma once

class QWidget;

namespace fovea::gui {

void showShortcuts(QWidget* parent);

}  // namespace fovea::gui
