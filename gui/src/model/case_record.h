// One case of the list: a slide or a study, what was done with it and what became of it.
#pragma once

#include <QString>

namespace fovea::gui {

enum class CaseKind { kSlide = 0, kScan = 1 };
enum class CaseState { kNew = 0, kQueued = 1, kRunning = 2, kDone = 3, kFailed = 4 };

struct CaseRecord {
  qint64 id = 0;
  CaseKind kind = CaseKind::kSlide;
  QString path;       ///< file, or DICOM folder; may identify a patient: never shown unless switched on
  QString pseudonym;  ///< "S-0001"
  QString patient;    ///< DICOM: a hash that is the same for all of one patient; else empty
  qint64 added = 0;   ///< seconds since 1970
  CaseState state = CaseState::kNew;
  QString reason;    ///< of a failure, one sentence
  QString result;    ///< folder of the last good result; empty: none
  QString request;   ///< JSON of the last run; what is queued when the state says so
  double mpp = 0;    ///< given by the user; 0 = as the file says
  qint64 bytes = 0;  ///< size of the file, to know it again when it has moved
};

}  // namespace fovea::gui
