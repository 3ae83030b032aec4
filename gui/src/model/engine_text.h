// What the engine says, in the window's language. Its sentences are English and know nothing of Qt; those that people
// meet most are recognised here by their pattern. What is not recognised stays as it is.
#pragma once

#include <QString>
#include <QStringList>

#include <string>

namespace fovea::gui {

/// One or several sentences, each looked up by itself; names and numbers in them are kept.
QString engineText(const QString& english);
inline QString engineText(const std::string& english) {
  return engineText(QString::fromStdString(english));
}

/// The patterns, "%1" for what differs, without a full stop. Their translations are in translations/engine_*.ts.
const QStringList& enginePatterns();

}  // namespace fovea::gui
