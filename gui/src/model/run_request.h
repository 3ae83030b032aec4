// From the user's choices to the request that the command line would make of them.
#pragma once

#include <QString>

#include <fovea/pipeline/job.h>

#include "model/case_record.h"

namespace fovea::gui {

struct RunChoices {
  QString model;     ///< path
  double mpp = 0;    ///< slides: 0 = as the file says
  int overlap = 0;   ///< slides: percent of a tile
  bool live = true;  ///< slides: tell the prediction on the way
  int threads = 0;   ///< 0 = all
  QString device = QStringLiteral("cpu");
  QString results;  ///< folder of all results
};

/// The kind of job of a case: "slide predict" or "mri segment".
std::string jobKindOf(CaseKind kind);
/// Letters, digits, dot, minus and underscore only, at most 80; never empty, no dot in front.
QString safeName(const QString& name);
/// <results>/<pseudonym>/<model>, both as safe names.
QString resultFolderOf(const CaseRecord& record, const RunChoices& choices);
pipeline::JobRequest runRequest(const CaseRecord& record, const RunChoices& choices);

}  // namespace fovea::gui
