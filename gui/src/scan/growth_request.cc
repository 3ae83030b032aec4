#include "scan/growth_request.h"

#include <QFileInfo>

namespace fovea::gui {

QString maskOf(const QString& result) {
  return QFileInfo(result).isDir() ? result + QStringLiteral("/segmentation.nii.gz") : result;
}

bool canCompute(const GrowthChoices& choices) {
  return choices.days > 0 && !choices.earlier.scan.isEmpty() && !choices.earlier.result.isEmpty() &&
         !choices.later.scan.isEmpty() && !choices.later.result.isEmpty() && !choices.out.isEmpty();
}

pipeline::JobRequest growthRequest(const GrowthChoices& choices) {
  pipeline::JobRequest request;
  request.kind = "mri growth";
  auto& values = request.values;
  values["before"] = maskOf(choices.earlier.result).toStdString();
  values["after"] = maskOf(choices.later.result).toStdString();
  values["after-image"] = choices.later.scan.toStdString();
  if (choices.registered) values["before-image"] = choices.earlier.scan.toStdString();
  values["days"] = choices.days;
  values["out"] = choices.out.toStdString();
  return request;
}

}  // namespace fovea::gui
