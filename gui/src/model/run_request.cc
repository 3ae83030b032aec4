#include "model/run_request.h"

#include <QFileInfo>

namespace fovea::gui {

QString safeName(const QString& name) {
  QString out;
  for (const QChar c : name.left(80)) {
    const bool plain = c.unicode() < 128 && (c.isLetterOrNumber() || QStringLiteral("._-").contains(c));
    out += plain ? c : QLatin1Char('_');
  }
  while (out.startsWith(QLatin1Char('.'))) out.remove(0, 1);
  return out.isEmpty() ? QStringLiteral("_") : out;
}

std::string jobKindOf(CaseKind kind) {
  return kind == CaseKind::kSlide ? "slide predict" : "mri segment";
}

QString resultFolderOf(const CaseRecord& record, const RunChoices& choices) {
  return choices.results + QLatin1Char('/') + safeName(record.pseudonym) + QLatin1Char('/') +
         safeName(QFileInfo(choices.model).completeBaseName());
}

pipeline::JobRequest runRequest(const CaseRecord& record, const RunChoices& choices) {
  pipeline::JobRequest request;
  request.kind = jobKindOf(record.kind);
  auto& values = request.values;
  values["model"] = choices.model.toStdString();
  values["out"] = resultFolderOf(record, choices).toStdString();
  if (choices.threads > 0) values["threads"] = std::int64_t{choices.threads};
  if (choices.device != QLatin1String("cpu")) values["device"] = choices.device.toStdString();
  if (record.kind == CaseKind::kScan) {
    values["volumes"] = std::vector<std::string>{record.path.toStdString()};
    return request;
  }
  values["slide"] = record.path.toStdString();
  if (choices.mpp > 0) values["mpp"] = choices.mpp;
  if (choices.overlap > 0) values["overlap"] = std::to_string(choices.overlap) + "%";
  if (choices.live) values["live"] = true;
  return request;
}

}  // namespace fovea::gui
