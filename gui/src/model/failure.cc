#include "model/failure.h"

#include <fovea/base/error.h>

namespace fovea::gui {

Failure failureOf(const std::exception& error) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  const QString full = QString::fromUtf8(error.what());
  if (!ours) return {QStringLiteral("Unexpected failure."), full, false};
  QString sentence = QString::fromStdString(ours->problem());
  if (!sentence.isEmpty()) sentence[0] = sentence[0].toUpper();
  sentence += QLatin1Char('.');
  if (!ours->remedy().empty()) sentence += QLatin1Char(' ') + QString::fromStdString(ours->remedy());
  return {sentence, full, ours->code() == ErrorCode::kCancelled};
}

}  // namespace fovea::gui
