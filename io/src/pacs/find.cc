// C-ECHO and C-FIND.
#include <fovea/io/pacs.h>

#include <algorithm>
#include <charconv>

#include "pacs/association.h"

#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/diutil.h>

namespace fovea::io {
namespace {

using pacs::Association;

void put(DcmDataset& keys, const DcmTagKey& tag, const std::string& value) {
  keys.putAndInsertOFStringArray(tag, value.c_str());
}

std::string get(DcmDataset& dataset, const DcmTagKey& tag) {
  OFString value;
  dataset.findAndGetOFStringArray(tag, value);
  std::string text(value.c_str(), value.size());
  OFString set;
  dataset.findAndGetOFString(DCM_SpecificCharacterSet, set);
  // convertToUTF8 leaves a text of an unknown character set as it is; control characters are none of a terminal's.
  std::replace_if(
      text.begin(), text.end(),
      [utf8 = set == "ISO_IR 192"](unsigned char c) { return c < 0x20 || c == 0x7f || (c > 0x7f && !utf8); }, '?');
  return text;
}

std::int64_t count(DcmDataset& dataset, const DcmTagKey& tag) {
  const std::string text = get(dataset, tag);
  std::int64_t value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

DcmDataset keys_of(const PacsQuery& query) {
  DcmDataset keys;
  const char* levels[] = {"PATIENT", "STUDY", "SERIES"};
  put(keys, DCM_SpecificCharacterSet, "ISO_IR 192");
  put(keys, DCM_QueryRetrieveLevel, levels[static_cast<int>(query.level)]);
  if (query.level != PacsLevel::kSeries) {
    put(keys, DCM_PatientID, query.patient_id);
    put(keys, DCM_PatientName, query.patient_name);
  }
  if (query.level == PacsLevel::kPatient) put(keys, DCM_NumberOfPatientRelatedStudies, "");
  if (query.level != PacsLevel::kPatient) put(keys, DCM_StudyInstanceUID, query.study_uid);
  if (query.level == PacsLevel::kStudy) {
    put(keys, DCM_StudyDate, query.study_date);
    put(keys, DCM_AccessionNumber, query.accession);
    put(keys, DCM_StudyDescription, "");
    put(keys, DCM_ModalitiesInStudy, query.modality);
    put(keys, DCM_NumberOfStudyRelatedSeries, "");
    put(keys, DCM_NumberOfStudyRelatedInstances, "");
  }
  if (query.level == PacsLevel::kSeries) {
    put(keys, DCM_SeriesInstanceUID, query.series_uid);
    put(keys, DCM_Modality, query.modality);
    put(keys, DCM_SeriesDescription, "");
    put(keys, DCM_NumberOfSeriesRelatedInstances, "");
  }
  return keys;
}

PacsMatch match_of(DcmDataset& dataset, PacsLevel level) {
  dataset.convertToUTF8();
  PacsMatch match;
  match.patient_id = get(dataset, DCM_PatientID), match.patient_name = get(dataset, DCM_PatientName);
  match.accession = get(dataset, DCM_AccessionNumber), match.study_date = get(dataset, DCM_StudyDate);
  match.study_uid = get(dataset, DCM_StudyInstanceUID), match.series_uid = get(dataset, DCM_SeriesInstanceUID);
  match.study_description = get(dataset, DCM_StudyDescription);
  match.series_description = get(dataset, DCM_SeriesDescription);
  match.modality = get(dataset, level == PacsLevel::kStudy ? DCM_ModalitiesInStudy : DCM_Modality);
  match.studies = count(dataset, DCM_NumberOfPatientRelatedStudies);
  match.series = count(dataset, DCM_NumberOfStudyRelatedSeries);
  match.instances = count(
      dataset, level == PacsLevel::kSeries ? DCM_NumberOfSeriesRelatedInstances : DCM_NumberOfStudyRelatedInstances);
  return match;
}

}  // namespace

void pacs_echo(const PacsPeer& peer, std::stop_token stop) {
  Association association(peer, {{UID_VerificationSOPClass, pacs::uncompressed_syntaxes()}}, std::move(stop));
  auto context = association.required(UID_VerificationSOPClass, "verification (C-ECHO)");
  T_DIMSE_Message request{};
  request.CommandField = DIMSE_C_ECHO_RQ;
  request.msg.CEchoRQ.MessageID = association.next_message();
  OFStandard::strlcpy(request.msg.CEchoRQ.AffectedSOPClassUID, UID_VerificationSOPClass, sizeof(DIC_UI));
  request.msg.CEchoRQ.DataSetType = DIMSE_DATASET_NULL;
  association.send(context, request);
  const T_DIMSE_Message answer = association.receive(context);
  if (answer.CommandField != DIMSE_C_ECHO_RSP || answer.msg.CEchoRSP.DimseStatus != STATUS_Success)
    throw association.error(ErrorCode::kUnsupported, "it does not answer the echo as it should",
                            "Look into the PACS's log.");
  association.release();
}

PacsMatches pacs_find(const PacsPeer& peer, const PacsQuery& query, std::stop_token stop) {
  if (query.level == PacsLevel::kSeries && query.study_uid.empty())
    throw Error(ErrorCode::kUsage, "series query", "the study is missing", "Give the study's UID.");
  const char* model = query.level == PacsLevel::kPatient ? UID_FINDPatientRootQueryRetrieveInformationModel
                                                         : UID_FINDStudyRootQueryRetrieveInformationModel;
  Association association(peer, {{model, pacs::uncompressed_syntaxes()}}, std::move(stop));
  auto context = association.required(model, "queries (C-FIND)");
  T_DIMSE_Message request{};
  request.CommandField = DIMSE_C_FIND_RQ;
  T_DIMSE_C_FindRQ& find = request.msg.CFindRQ;
  find.MessageID = association.next_message();
  OFStandard::strlcpy(find.AffectedSOPClassUID, model, sizeof(DIC_UI));
  find.DataSetType = DIMSE_DATASET_PRESENT;
  DcmDataset keys = keys_of(query);
  association.send(context, request, &keys);

  PacsMatches found;
  while (true) {
    const T_DIMSE_Message answer = association.receive(context);
    if (answer.CommandField != DIMSE_C_FIND_RSP)
      throw association.error(ErrorCode::kUnsupported, "it answers the query with another message",
                              "Look into the PACS's log.");
    const T_DIMSE_C_FindRSP& response = answer.msg.CFindRSP;
    const bool pending = DICOM_PENDING_STATUS(response.DimseStatus);
    if (response.DataSetType != DIMSE_DATASET_NULL) {
      const auto dataset = association.receive_dataset(context);
      if (pending && found.matches.size() < query.max_matches) {
        found.matches.push_back(match_of(*dataset, query.level));
      } else if (pending && !found.cut) {
        found.cut = true;
        association.cancel(context, find.MessageID);
      }
    }
    if (pending) continue;
    if (response.DimseStatus == STATUS_Success || (found.cut && response.DimseStatus == STATUS_FIND_Cancel)) break;
    throw association.error(ErrorCode::kUnsupported,
                            std::string("it refuses the query (") + DU_cfindStatusString(response.DimseStatus) + ")",
                            "Narrow the query, or look into the PACS's log.");
  }
  association.release();
  return found;
}

}  // namespace fovea::io
