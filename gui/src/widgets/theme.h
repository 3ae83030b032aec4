// Colours and style of the window, light and dark. Every pair of text and ground has a contrast of at least 4.5:1.
#pragma once

#include <QColor>

#include "model/settings.h"

class QApplication;

namespace fovea::gui {

struct ThemeColours {
  QColor window, panel, field, line, text, muted, accent, on_accent, canvas, good, warn, bad;
};

bool isDark(Theme theme);
const ThemeColours& themeColours();  ///< of the theme applied last
void applyTheme(QApplication& application, Theme theme);

}  // namespace fovea::gui
