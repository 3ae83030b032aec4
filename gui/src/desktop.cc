#include <fovea/gui/desktop.h>

#include <QLocale>
#include <QTranslator>

#include "model/failure.h"
#include "model/settings.h"
#include "widgets/theme.h"

namespace fovea::gui {

namespace {

bool install(QApplication& application, const QString& name) {
  auto* translator = new QTranslator(&application);
  if (translator->load(QStringLiteral(":/fovea/translations/%1.qm").arg(name)))
    return QApplication::installTranslator(translator);
  delete translator;
  return false;
}

}  // namespace

bool installLanguage(QApplication& application, const QString& language) {
  install(application, QStringLiteral("engine_") + language.left(2));  // what the engine says; English has none
  return install(application, QStringLiteral("fovea_") + language.left(2));
}

QString sentenceOf(const std::exception& error) {
  return failureOf(error).sentence;
}

void prepareApplication(QApplication& application, const QString& home) {
  const Settings settings(home);
  applyTheme(application, settings.theme());
  const QString language = settings.language().isEmpty() ? QLocale::system().name() : settings.language();
  if (!settings.language().isEmpty()) QLocale::setDefault(QLocale(language));
  // English has a file too: one case, two cases.
  if (!installLanguage(application, language)) installLanguage(application, QStringLiteral("en"));
}

void setTheme(QApplication& application, WindowTheme theme) {
  applyTheme(application, theme == WindowTheme::kDark ? Theme::kDark : Theme::kLight);
}

}  // namespace fovea::gui
