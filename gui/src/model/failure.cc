#include "model/failure.h"

#include <QCoreApplication>

#include <fovea/base/error.h>

#include "model/engine_text.h"

namespace fovea::gui {
namespace {

struct Tr {
  Q_DECLARE_TR_FUNCTIONS(Failure)
};

}  // namespace

Failure failureOf(const std::exception& error) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  const QString full = QString::fromUtf8(error.what());
  if (!ours) return {Tr::tr("Something unexpected went wrong; the details say what."), full, false};
  QString sentence = engineText(ours->problem());
  if (!sentence.isEmpty()) sentence[0] = sentence[0].toUpper();
  sentence += QLatin1Char('.');
  if (!ours->remedy().empty()) sentence += QLatin1Char(' ') + engineText(ours->remedy());
  return {sentence, full, ours->code() == ErrorCode::kCancelled};
}

}  // namespace fovea::gui
