#include <fovea/gui/desktop.h>

#include <QLocale>
#include <QTranslator>

#include "model/settings.h"
#include "widgets/theme.h"

namespace fovea::gui {

bool installLanguage(QApplication& application, const QString& language) {
  auto* translator = new QTranslator(&application);
  if (!translator->load(QStringLiteral(":/fovea/translations/fovea_%1.qm").arg(language.left(2)))) {
    delete translator;
    return false;
  }
  return QApplication::installTranslator(translator);
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
