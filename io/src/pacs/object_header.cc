#include "pacs/object_header.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/oflog/oflog.h>

namespace fovea::io::pacs {
namespace {

std::string value_of(DcmDataset& dataset, const DcmTagKey& tag) {
  OFString value;
  dataset.findAndGetOFString(tag, value);
  return {value.c_str(), value.size()};
}

}  // namespace

ReceivedObject object_header(const std::filesystem::path& file) {
  OFLog::configure(OFLogger::OFF_LOG_LEVEL);  // DCMTK's own log may name patients
  DcmFileFormat format;
  ReceivedObject object;
  object.file = file;
  if (format.loadFileUntilTag(file.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_autoDetect, DCM_StudyID)
          .bad())
    return object;
  DcmDataset& dataset = *format.getDataset();
  object.sop_class_uid = value_of(dataset, DCM_SOPClassUID);
  object.study_uid = value_of(dataset, DCM_StudyInstanceUID);
  object.series_uid = value_of(dataset, DCM_SeriesInstanceUID);
  object.modality = value_of(dataset, DCM_Modality);
  object.description = value_of(dataset, DCM_SeriesDescription);
  if (!object.series_uid.empty() && !object.study_uid.empty())
    object.sop_instance_uid = value_of(dataset, DCM_SOPInstanceUID);
  return object;
}

}  // namespace fovea::io::pacs
