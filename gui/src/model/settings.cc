#include "model/settings.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>

#include <algorithm>

namespace fovea::gui {
namespace {

QString default_models() {
  const QString here = QCoreApplication::applicationDirPath();
  for (const char* place : {"/../share/fovea/models", "/../../demo/models"})
    if (const QFileInfo folder(here + QLatin1String(place)); folder.isDir()) return folder.canonicalFilePath();
  return {};
}

}  // namespace

Settings::Settings(const QString& home)
    : home_(QDir(home).absolutePath()), file_(home_ + QStringLiteral("/desktop.ini"), QSettings::IniFormat) {}

QString Settings::modelFolder() const {
  const QString chosen = file_.value(QStringLiteral("models")).toString();
  return chosen.isEmpty() ? default_models() : chosen;
}
void Settings::setModelFolder(const QString& folder) {
  file_.setValue(QStringLiteral("models"), folder);
}
QString Settings::resultFolder() const {
  return file_.value(QStringLiteral("results"), home_ + QStringLiteral("/results")).toString();
}
void Settings::setResultFolder(const QString& folder) {
  file_.setValue(QStringLiteral("results"), folder);
}
int Settings::cacheMegabytes() const {
  return std::clamp(file_.value(QStringLiteral("cache_mb"), 512).toInt(), 64, 16384);
}
void Settings::setCacheMegabytes(int megabytes) {
  file_.setValue(QStringLiteral("cache_mb"), megabytes);
}
int Settings::threads() const {
  return std::clamp(file_.value(QStringLiteral("threads"), 0).toInt(), 0, 1024);
}
void Settings::setThreads(int threads) {
  file_.setValue(QStringLiteral("threads"), threads);
}
QString Settings::device() const {
  return file_.value(QStringLiteral("device"), QStringLiteral("cpu")).toString();
}
void Settings::setDevice(const QString& device) {
  file_.setValue(QStringLiteral("device"), device);
}
bool Settings::namesShown() const {
  return file_.value(QStringLiteral("names_shown"), false).toBool();
}
void Settings::setNamesShown(bool shown) {
  file_.setValue(QStringLiteral("names_shown"), shown);
}
Theme Settings::theme() const {
  const QString name = file_.value(QStringLiteral("theme")).toString();
  return name == QLatin1String("light") ? Theme::kLight : name == QLatin1String("dark") ? Theme::kDark : Theme::kSystem;
}
void Settings::setTheme(Theme theme) {
  file_.setValue(QStringLiteral("theme"), theme == Theme::kLight  ? QStringLiteral("light")
                                          : theme == Theme::kDark ? QStringLiteral("dark")
                                                                  : QStringLiteral("system"));
}
QString Settings::language() const {
  return file_.value(QStringLiteral("language")).toString();
}
void Settings::setLanguage(const QString& language) {
  file_.setValue(QStringLiteral("language"), language);
}
bool Settings::noticeSeen() const {
  return file_.value(QStringLiteral("notice_seen"), false).toBool();
}
void Settings::setNoticeSeen() {
  file_.setValue(QStringLiteral("notice_seen"), true);
}

}  // namespace fovea::gui
