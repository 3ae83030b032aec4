// Two time points of one head, and the request of `fovea mri growth` that compares their outlines.
#pragma once

#include <QString>

#include <fovea/pipeline/job.h>

namespace fovea::gui {

struct TimePoint {
  QString scan;    ///< volume or DICOM folder
  QString result;  ///< result folder of `mri segment`, or a mask; may be empty
};

struct GrowthChoices {
  TimePoint earlier, later;
  double days = 0;         ///< between the scans; 0: the change is not computed
  bool registered = true;  ///< the scans are brought together by their content, else by their headers
  QString out;             ///< folder of the job
  QString growth;          ///< growth.json that is there already; may be empty
};

/// The mask of a result: its segmentation.nii.gz when it is a folder.
QString maskOf(const QString& result);
/// True when there is all that the job needs.
bool canCompute(const GrowthChoices& choices);
pipeline::JobRequest growthRequest(const GrowthChoices& choices);

}  // namespace fovea::gui
