#include <fovea/io/dicom_pdf.h>

#include <fstream>
#include <iterator>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <dcmtk/dcmdata/dcvrda.h>
#include <dcmtk/dcmdata/dcvrtm.h>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "volume/dicom_modules.h"
#include "volume/dicom_series.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kLongString = 64;
constexpr std::size_t kMostBytes = std::size_t{1} << 30;

// Patient, study and frame of reference modules; an object of ours has its own equipment and series.
const DcmTagKey kTakenOver[] = {DCM_SpecificCharacterSet,
                                DCM_PatientName,
                                DCM_PatientID,
                                DCM_IssuerOfPatientID,
                                DCM_PatientBirthDate,
                                DCM_PatientSex,
                                DCM_PatientAge,
                                DCM_PatientSize,
                                DCM_PatientWeight,
                                DCM_StudyInstanceUID,
                                DCM_StudyDate,
                                DCM_StudyTime,
                                DCM_StudyID,
                                DCM_AccessionNumber,
                                DCM_ReferringPhysicianName,
                                DCM_StudyDescription,
                                DCM_OtherPatientIDsSequence};
// Type 2: present, if need be empty.
const DcmTagKey kNeeded[] = {DCM_PatientName,    DCM_PatientID, DCM_PatientBirthDate, DCM_PatientSex,
                             DCM_StudyDate,      DCM_StudyTime, DCM_StudyID,          DCM_ReferringPhysicianName,
                             DCM_AccessionNumber};

std::string pdf_bytes(const fs::path& pdf) {
  std::error_code error;
  const auto size = fs::file_size(pdf, error);
  std::ifstream stream(pdf, std::ios::binary);
  if (error || !stream)
    throw Error(ErrorCode::kNotFound, pdf.filename().string(), "it cannot be read", "Check the path.");
  if (size > kMostBytes)
    throw Error(ErrorCode::kUnsupported, pdf.filename().string(), "it is larger than 1 GiB", "Make it smaller.");
  std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  if (bytes.rfind("%PDF-", 0) != 0)
    throw Error(ErrorCode::kCorrupt, pdf.filename().string(), "it is no PDF", "Give the report.pdf of a result.");
  if (bytes.size() % 2) bytes.push_back('\0');
  return bytes;
}

fs::path source_file(const fs::path& source) {
  if (!fs::is_directory(source)) return source;
  const auto series = scan_dicom_folder(source);
  if (series.empty())
    throw Error(ErrorCode::kUnsupported, source.filename().string(), "it holds no DICOM image",
                "Give the series that the report is about.");
  return series.front().slices.front().path;
}

void put(DcmDataset& dataset, const DcmTagKey& tag, const std::string& value) {
  if (dataset.putAndInsertString(tag, value.c_str()).bad())
    throw Error(ErrorCode::kInternal, "encapsulated PDF", "an attribute could not be set");
}

void add_own(DcmDataset& dataset, const std::string& title, const std::string& bytes) {
  char uid[100];
  OFString date, time;
  DcmDate::getCurrentDate(date);
  DcmTime::getCurrentTime(time);
  put(dataset, DCM_SOPClassUID, UID_EncapsulatedPDFStorage);
  put(dataset, DCM_SOPInstanceUID, dcmGenerateUniqueIdentifier(uid, SITE_INSTANCE_UID_ROOT));
  put(dataset, DCM_SeriesInstanceUID, dcmGenerateUniqueIdentifier(uid, SITE_SERIES_UID_ROOT));
  put(dataset, DCM_Modality, "DOC");
  put(dataset, DCM_SeriesNumber, "301");
  put(dataset, DCM_SeriesDescription, "Report (Fovea, research only)");
  put(dataset, DCM_InstanceNumber, "1");
  put(dataset, DCM_ConversionType, "WSD");
  put(dataset, DCM_Manufacturer, "Fovea");
  put(dataset, DCM_ContentDate, date.c_str());
  put(dataset, DCM_ContentTime, time.c_str());
  put(dataset, DCM_AcquisitionDateTime, "");
  put(dataset, DCM_BurnedInAnnotation, "NO");
  put(dataset, DCM_DocumentTitle, title.substr(0, kLongString));
  put(dataset, DCM_MIMETypeOfEncapsulatedDocument, "application/pdf");
  dataset.insertEmptyElement(DCM_ConceptNameCodeSequence);
  if (dataset
          .putAndInsertUint8Array(DCM_EncapsulatedDocument, reinterpret_cast<const Uint8*>(bytes.data()), bytes.size())
          .bad())
    throw Error(ErrorCode::kOutOfMemory, "encapsulated PDF", "the document does not fit into memory",
                "Close other programs.");
}

}  // namespace

std::vector<std::string> write_encapsulated_pdf(const fs::path& path, const fs::path& pdf, const fs::path& source,
                                                const std::string& title) {
  OFLog::configure(OFLogger::OFF_LOG_LEVEL);
  const std::string bytes = pdf_bytes(pdf);
  DcmFileFormat from;
  if (from.loadFileUntilTag(source_file(source).c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_autoDetect,
                            DCM_PixelData)
          .bad() ||
      !from.getDataset()->tagExistsWithValue(DCM_StudyInstanceUID))
    throw Error(ErrorCode::kUnsupported, source.filename().string(),
                "the report needs a DICOM source: patient and study are taken from it, never invented",
                "Give the series that the report is about.");
  std::vector<std::string> dropped = drop_invalid(*from.getDataset());
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  for (const DcmTagKey& tag : kTakenOver) from.getDataset()->findAndInsertCopyOfElement(tag, &dataset);
  for (const DcmTagKey& tag : kNeeded)
    if (!dataset.tagExists(tag)) dataset.insertEmptyElement(tag);
  add_own(dataset, title, bytes);
  write_with(path, [&](const fs::path& temporary) {
    const OFCondition saved = file.saveFile(temporary.c_str(), EXS_LittleEndianExplicit);
    if (saved.bad())
      throw Error(ErrorCode::kWriteFailed, path.filename().string(), std::string("saving failed: ") + saved.text(),
                  "Check the disk and its permissions.");
  });
  return dropped;
}

}  // namespace fovea::io
