// C-GET and C-MOVE of a series into a folder that appears whole or not at all.
#include <fovea/io/pacs.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "core/folder_in_progress.h"
#include "pacs/association.h"
#include "pacs/inbox.h"

#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/diutil.h>

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
using pacs::Association;
using pacs::Context;

/// Image classes that come compressed, then the rest: an association has room for 128 contexts.
std::vector<Context> storage_contexts() {
  const char* compressed[] = {UID_JPEGProcess1TransferSyntax,         UID_JPEGProcess14SV1TransferSyntax,
                              UID_JPEG2000LosslessOnlyTransferSyntax, UID_JPEG2000TransferSyntax,
                              UID_JPEGLSLosslessTransferSyntax,       UID_RLELosslessTransferSyntax};
  const char* images[] = {UID_MRImageStorage,
                          UID_EnhancedMRImageStorage,
                          UID_EnhancedMRColorImageStorage,
                          UID_VLWholeSlideMicroscopyImageStorage,
                          UID_CTImageStorage,
                          UID_EnhancedCTImageStorage,
                          UID_SecondaryCaptureImageStorage,
                          UID_MultiframeTrueColorSecondaryCaptureImageStorage,
                          UID_VLMicroscopicImageStorage,
                          UID_VLSlideCoordinatesMicroscopicImageStorage};
  const char* others[] = {UID_SegmentationStorage,
                          UID_EncapsulatedPDFStorage,
                          UID_PositronEmissionTomographyImageStorage,
                          UID_ParametricMapStorage,
                          UID_BasicTextSRStorage,
                          UID_EnhancedSRStorage,
                          UID_ComprehensiveSRStorage,
                          UID_Comprehensive3DSRStorage,
                          UID_GrayscaleSoftcopyPresentationStateStorage,
                          UID_RTStructureSetStorage,
                          UID_RawDataStorage};
  std::vector<Context> contexts;
  for (const char* image : images) {
    contexts.push_back({image, pacs::uncompressed_syntaxes(), true});
    for (const char* syntax : compressed) contexts.push_back({image, {syntax}, true});
  }
  for (const char* other : others) contexts.push_back({other, pacs::uncompressed_syntaxes(), true});
  return contexts;
}

DcmDataset keys_of(const std::string& study, const std::string& series) {
  DcmDataset keys;
  keys.putAndInsertString(DCM_QueryRetrieveLevel, "SERIES");
  keys.putAndInsertString(DCM_StudyInstanceUID, study.c_str());
  keys.putAndInsertString(DCM_SeriesInstanceUID, series.c_str());
  return keys;
}

/// The last answer: everything came, or an error that says what did not.
void check_end(const Association& association, DIC_US status, const char* status_words, int failed,
               std::int64_t objects) {
  if (failed > 0)
    throw association.error(ErrorCode::kCorrupt,
                            "it could not send " + std::to_string(failed) + " of " + std::to_string(failed + objects) +
                                " objects; nothing was kept",
                            "Look into the PACS's log.");
  if (status != STATUS_Success)
    throw association.error(ErrorCode::kUnsupported, std::string("it refuses the retrieval (") + status_words + ")",
                            status == STATUS_MOVE_Failed_MoveDestinationUnknown
                                ? "Have '" + association.peer().ae + "' and this machine's address entered at the PACS."
                                : "Look into the PACS's log.");
  if (objects == 0)
    throw association.error(ErrorCode::kNotFound, "it has no objects of this series", "Check the UIDs with pacs find.");
}

}  // namespace

PacsRetrieved pacs_get(const PacsPeer& peer, const std::string& study, const std::string& series,
                       const fs::path& folder, const PacsLimits& limits, const PacsProgress& progress,
                       std::stop_token stop) {
  const char* model = UID_GETStudyRootQueryRetrieveInformationModel;
  std::vector<Context> contexts = storage_contexts();
  contexts.insert(contexts.begin(), {model, pacs::uncompressed_syntaxes()});
  Association association(peer, contexts, std::move(stop));
  const auto query_context = association.required(model, "retrieval by C-GET");
  FolderInProgress staging(folder, FolderInProgress::Leftovers::kDiscard);
  pacs::Inbox inbox(staging.part(), limits);

  T_DIMSE_Message request{};
  request.CommandField = DIMSE_C_GET_RQ;
  request.msg.CGetRQ.MessageID = association.next_message();
  OFStandard::strlcpy(request.msg.CGetRQ.AffectedSOPClassUID, model, sizeof(DIC_UI));
  request.msg.CGetRQ.DataSetType = DIMSE_DATASET_PRESENT;
  DcmDataset keys = keys_of(study, series);
  association.send(query_context, request, &keys);
  while (true) {
    T_ASC_PresentationContextID context = 0;
    const T_DIMSE_Message message = association.receive(context);
    if (message.CommandField == DIMSE_C_STORE_RQ) {
      const T_DIMSE_C_StoreRQ& store = message.msg.CStoreRQ;
      inbox.receive(association.handle(), context, store, peer.timeout_s);
      association.check(pacs::answer_store(association.handle(), context, store, STATUS_STORE_Success), "answering");
      if (progress) progress(inbox.objects(), -1);
      continue;
    }
    if (message.CommandField != DIMSE_C_GET_RSP)
      throw association.error(ErrorCode::kUnsupported, "it answers the retrieval with another message",
                              "Look into the PACS's log.");
    const T_DIMSE_C_GetRSP& response = message.msg.CGetRSP;
    association.skip_dataset(response.DataSetType);
    if (DICOM_PENDING_STATUS(response.DimseStatus)) {
      if (progress) progress(inbox.objects(), response.NumberOfRemainingSubOperations);
      continue;
    }
    check_end(association, response.DimseStatus, DU_cgetStatusString(response.DimseStatus),
              response.NumberOfFailedSubOperations, inbox.objects());
    break;
  }
  association.release();
  staging.commit();
  return {inbox.objects(), inbox.bytes()};
}

PacsRetrieved pacs_move(const PacsPeer& peer, int listen_port, const std::string& study, const std::string& series,
                        const fs::path& folder, const PacsLimits& limits, const PacsProgress& progress,
                        std::stop_token stop) {
  const char* model = UID_MOVEStudyRootQueryRetrieveInformationModel;
  Association association(peer, {{model, pacs::uncompressed_syntaxes()}}, std::move(stop));
  const auto query_context = association.required(model, "retrieval by C-MOVE");
  FolderInProgress staging(folder, FolderInProgress::Leftovers::kDiscard);

  std::mutex mutex;
  PacsRetrieved received;
  StoreServerOptions options;
  options.port = listen_port, options.ae = peer.ae, options.allow_ae = {peer.called_ae};
  options.timeout_s = peer.timeout_s, options.limits = limits, options.spool = staging.part();
  options.tls = peer.tls;
  StoreServer server(options, [&](const ReceivedObject& object) {
    std::lock_guard lock(mutex);
    ++received.objects, received.bytes += object.bytes;
    if (received.objects > limits.max_objects || received.bytes > limits.max_total_bytes)
      throw Error(ErrorCode::kOutOfMemory, "retrieval", "it passes the limit of its size",
                  "Raise the limit if this is what you expect.");
  });
  std::jthread serving([&](std::stop_token end) { server.run(end); });

  T_DIMSE_Message request{};
  request.CommandField = DIMSE_C_MOVE_RQ;
  request.msg.CMoveRQ.MessageID = association.next_message();
  OFStandard::strlcpy(request.msg.CMoveRQ.AffectedSOPClassUID, model, sizeof(DIC_UI));
  OFStandard::strlcpy(request.msg.CMoveRQ.MoveDestination, peer.ae.c_str(), sizeof(DIC_AE));
  request.msg.CMoveRQ.DataSetType = DIMSE_DATASET_PRESENT;
  DcmDataset keys = keys_of(study, series);
  association.send(query_context, request, &keys);
  while (true) {
    T_ASC_PresentationContextID context = 0;
    const T_DIMSE_Message message = association.receive(context);
    if (message.CommandField != DIMSE_C_MOVE_RSP)
      throw association.error(ErrorCode::kUnsupported, "it answers the retrieval with another message",
                              "Look into the PACS's log.");
    const T_DIMSE_C_MoveRSP& response = message.msg.CMoveRSP;
    association.skip_dataset(response.DataSetType);
    std::unique_lock lock(mutex);
    const std::int64_t objects = received.objects;
    lock.unlock();
    if (DICOM_PENDING_STATUS(response.DimseStatus)) {
      if (progress) progress(objects, response.NumberOfRemainingSubOperations);
      continue;
    }
    check_end(association, response.DimseStatus, DU_cmoveStatusString(response.DimseStatus),
              response.NumberOfFailedSubOperations, objects);
    break;
  }
  association.release();
  serving.request_stop();
  serving.join();
  staging.commit();
  return received;
}

}  // namespace fovea::io
