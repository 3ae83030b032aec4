#include "model/units.h"

#include <QCoreApplication>
#include <QLocale>

#include <cmath>

namespace fovea::gui {
namespace {

QString number(double value) {
  const int decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  QString text = QLocale().toString(value, 'f', decimals);
  const QString point = QLocale().decimalPoint();
  if (text.contains(point)) {
    while (text.endsWith(QLatin1Char('0'))) text.chop(1);
    if (text.endsWith(point)) text.chop(point.size());
  }
  return text;
}

}  // namespace

QString lengthText(double um) {
  return um >= 1000 ? number(um / 1000) + QStringLiteral(" mm") : number(um) + QStringLiteral(" µm");
}

QString areaText(double um2) {
  return um2 >= 1e4 ? number(um2 / 1e6) + QStringLiteral(" mm²") : number(um2) + QStringLiteral(" µm²");
}

QString durationText(double seconds) {
  const auto whole = std::lround(seconds);
  if (whole < 60) return QCoreApplication::translate("units", "%1 s").arg(whole);
  if (whole < 3600) return QCoreApplication::translate("units", "%1 min %2 s").arg(whole / 60).arg(whole % 60);
  return QCoreApplication::translate("units", "%1 h %2 min").arg(whole / 3600).arg(whole % 3600 / 60);
}

QString magnificationText(double um_per_screen_px) {
  return number(10 / um_per_screen_px) + QStringLiteral("x");
}

double roundLength(double limit) {
  if (!(limit > 0)) return 0;
  const double decade = std::pow(10, std::floor(std::log10(limit)));
  for (const double step : {5.0, 2.0})
    if (step * decade <= limit) return step * decade;
  return decade;
}

}  // namespace fovea::gui
