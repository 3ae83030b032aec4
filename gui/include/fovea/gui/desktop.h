// What the program sets up before its window: theme and language.
#pragma once

#include <QApplication>
#include <QString>

#include <exception>

namespace fovea::gui {

/// Reads the settings in `home` and installs theme and translation. Call once, before any widget is made.
void prepareApplication(QApplication& application, const QString& home);
/// Installs the translation for "fr" (or "fr_FR"); false when there is none, and the window stays English.
bool installLanguage(QApplication& application, const QString& language);
/// What went wrong, for people: one or two sentences in the window's language, without paths.
QString sentenceOf(const std::exception& error);
enum class WindowTheme { kLight, kDark };
void setTheme(QApplication& application, WindowTheme theme);

}  // namespace fovea::gui
