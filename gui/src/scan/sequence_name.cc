#include "scan/sequence_name.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QRegularExpression>

#include <utility>

namespace fovea::gui {
namespace {

struct Text {
  Q_DECLARE_TR_FUNCTIONS(SequenceName)
};

}  // namespace

QString sequence_name(const QString& path, int number) {
  QString name = QFileInfo(path).fileName().toLower();
  // The more particular first: a T1 with contrast is also a T1.
  static const std::pair<const char*, const char*> kKnown[] = {{"t1-?_?(ce|c|gd|gad|post|km)", "T1 contrast"},
                                                               {"flair", "FLAIR"},
                                                               {"t2-?_?(star|s)|t2\\*", "T2*"},
                                                               {"swan", "SWAN"},
                                                               {"swi", "SWI"},
                                                               {"adc", "ADC"},
                                                               {"dwi", "DWI"},
                                                               {"tof", "TOF"},
                                                               {"t1", "T1"},
                                                               {"t2", "T2"}};
  for (const auto& [pattern, label] : kKnown) {
    const QRegularExpression word(QStringLiteral("(^|[^a-z0-9])(%1)([^a-z0-9]|$)").arg(QString::fromLatin1(pattern)));
    if (word.match(name).hasMatch()) return QString::fromLatin1(label);
  }
  return Text::tr("Sequence %1").arg(number);
}

QString overlay_name(const QString& file) {
  const QString attention = QStringLiteral("attention-");
  if (file == QStringLiteral("probability")) return Text::tr("probability");
  if (file == QStringLiteral("gate")) return Text::tr("attention gate");
  if (file.startsWith(attention)) return Text::tr("attention on %1").arg(file.mid(attention.size()));
  return file;
}

}  // namespace fovea::gui
