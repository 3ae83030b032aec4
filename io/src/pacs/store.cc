// C-STORE of files, and pseudonyms.
#include <fovea/io/pacs.h>

#include <algorithm>
#include <set>

#include <fovea/io/hash.h>

#include "pacs/association.h"

#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/diutil.h>

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
using pacs::Association;

struct Outgoing {
  std::string sop_class, instance, syntax;  ///< syntax: empty when uncompressed
  bool readable = false;
};

Outgoing header_of(const fs::path& path) {
  DcmFileFormat format;
  Outgoing out;
  if (format.loadFileUntilTag(path.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_autoDetect, DCM_StudyDate)
          .bad())
    return out;
  OFString sop_class, instance;
  format.getDataset()->findAndGetOFString(DCM_SOPClassUID, sop_class);
  format.getDataset()->findAndGetOFString(DCM_SOPInstanceUID, instance);
  const DcmXfer syntax(format.getDataset()->getOriginalXfer());
  out.sop_class = sop_class.c_str(), out.instance = instance.c_str();
  if (syntax.isEncapsulated() || syntax.getXfer() == EXS_DeflatedLittleEndianExplicit) out.syntax = syntax.getXferID();
  out.readable =
      !out.sop_class.empty() && !out.instance.empty() && out.sop_class.size() <= 64 && out.instance.size() <= 64;
  return out;
}

/// Empty when it was taken.
std::string store_one(Association& association, const fs::path& path, const Outgoing& out) {
  const auto context = association.accepted(out.sop_class, out.syntax);
  if (context == 0)
    return out.syntax.empty() ? "the PACS does not take objects of this kind"
                              : "the PACS does not take objects of this kind or compression";
  T_DIMSE_C_StoreRQ request{};
  request.MessageID = association.next_message();
  OFStandard::strlcpy(request.AffectedSOPClassUID, out.sop_class.c_str(), sizeof(DIC_UI));
  OFStandard::strlcpy(request.AffectedSOPInstanceUID, out.instance.c_str(), sizeof(DIC_UI));
  request.DataSetType = DIMSE_DATASET_PRESENT;
  request.Priority = DIMSE_PRIORITY_MEDIUM;
  T_DIMSE_C_StoreRSP response{};
  DcmDataset* detail = nullptr;
  const OFCondition condition =
      DIMSE_storeUser(association.handle(), context, &request, path.c_str(), nullptr, nullptr, nullptr,
                      DIMSE_NONBLOCKING, association.peer().timeout_s, &response, &detail);
  delete detail;
  association.check(condition, "sending");
  const DIC_US status = response.DimseStatus;
  if (status == STATUS_Success || (status & 0xf000) == 0xb000) return {};  // b000: stored, with a warning
  return std::string("the PACS refuses it (") + DU_cstoreStatusString(status) + ")";
}

}  // namespace

std::vector<PacsStored> pacs_store(const PacsPeer& peer, const std::vector<fs::path>& files,
                                   const PacsProgress& progress, std::stop_token stop) {
  pacs::prepare_dcmtk(peer.timeout_s);
  std::vector<PacsStored> outcomes;
  std::vector<Outgoing> headers;
  std::set<std::pair<std::string, std::string>> kinds;
  for (const fs::path& file : files) {
    outcomes.push_back({file, false, "not sent"});
    headers.push_back(header_of(file));
    if (headers.back().readable)
      kinds.insert({headers.back().sop_class, headers.back().syntax});
    else
      outcomes.back().problem = "it is no DICOM object";
  }
  if (kinds.empty()) return outcomes;
  if (kinds.size() > pacs::kMostContexts)
    throw Error(ErrorCode::kUsage, "pacs store", "the files are of too many kinds for one association",
                "Send them in several calls.");
  std::vector<pacs::Context> contexts;
  for (const auto& [sop_class, syntax] : kinds)
    contexts.push_back({sop_class, syntax.empty() ? pacs::uncompressed_syntaxes() : std::vector<std::string>{syntax}});
  Association association(peer, contexts, stop);
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "", "cancelled; what was sent stays at the PACS");
    if (headers[i].readable) {
      try {
        outcomes[i].problem = store_one(association, files[i], headers[i]);
      } catch (const Error& error) {
        for (std::size_t rest = i; rest < files.size(); ++rest)
          if (headers[rest].readable) outcomes[rest].problem = error.problem();
        return outcomes;  // the association is gone
      }
      outcomes[i].ok = outcomes[i].problem.empty();
    }
    if (progress) progress(static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(files.size() - i - 1));
  }
  association.release();
  return outcomes;
}

std::string pseudonym(const std::string& identifier, std::size_t digits) {
  return sha256(std::as_bytes(std::span(identifier))).substr(0, digits);
}

}  // namespace fovea::io
