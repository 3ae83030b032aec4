// The store provider: an accepting thread, and one thread an association.
#include <fovea/io/pacs.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <list>
#include <thread>

#include "pacs/association.h"
#include "pacs/inbox.h"

#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/dcmtls/tlslayer.h>

namespace fovea::io {

using pacs::Inbox;

class StoreServer::Impl {
 public:
  Impl(StoreServerOptions options, Sink sink, Log log)
      : options_(std::move(options)), sink_(std::move(sink)), log_(std::move(log)) {
    pacs::check_ae(options_.ae);
    for (const std::string& title : options_.allow_ae)
      if (title != "*") pacs::check_ae(title);
    if (options_.allow_ae.empty())
      throw Error(ErrorCode::kUsage, "receiver", "nobody is allowed to send",
                  "Name the senders' AE titles with --allow-ae.");
    pacs::prepare_dcmtk(options_.timeout_s);
    T_ASC_Network* network = nullptr;
    if (ASC_initializeNetwork(NET_ACCEPTOR, options_.port, options_.timeout_s, &network).bad())
      throw Error(ErrorCode::kUsage, "port " + std::to_string(options_.port), "it cannot be listened on",
                  "Choose a free port; those below 1024 need privileges.");
    network_.reset(network);
    tls_ = pacs::tls_layer(options_.tls, true);
    if (tls_) ASC_setTransportLayer(network, tls_.get(), 0);
  }

  void run(const std::stop_token& stop) {
    struct Worker {
      std::atomic<bool> done = false;
      std::jthread thread;
    };
    std::list<Worker> workers;
    while (!stop.stop_requested()) {
      workers.remove_if([](const Worker& worker) { return worker.done.load(); });
      if (!ASC_associationWaiting(network_.get(), 1)) continue;
      T_ASC_Association* association = nullptr;
      const OFCondition condition =
          ASC_receiveAssociation(network_.get(), &association, ASC_DEFAULTMAXPDU, nullptr, nullptr,
                                 tls_ ? OFTrue : OFFalse, DUL_NOBLOCK, options_.timeout_s);
      if (condition.bad()) {
        note("a connection that was no DICOM association was dropped");
        if (association) ASC_dropAssociation(association), ASC_destroyAssociation(&association);
        continue;
      }
      const bool full = workers.size() >= static_cast<std::size_t>(options_.max_associations);
      Worker& worker = workers.emplace_back();
      worker.thread = std::jthread([this, association, full, stop, &worker] {
        serve(association, full, stop);
        worker.done = true;
      });
    }
  }

 private:
  void note(const std::string& text) const {
    if (log_) log_(text);
  }

  /// Nothing that leaves the thread: an association must not end the listener.
  void serve(T_ASC_Association* association, bool full, const std::stop_token& stop) const {
    try {
      if (accepted(association, full)) converse(association, stop);
    } catch (const Error& error) {
      note(error.subject() + ": " + error.problem() + "; the association was aborted");
      ASC_abortAssociation(association);
    } catch (const std::exception&) {
      note("unexpected failure; the association was aborted");
      ASC_abortAssociation(association);
    }
    ASC_dropSCPAssociation(association, 2);
    ASC_destroyAssociation(&association);
  }

  bool accepted(T_ASC_Association* association, bool full) const {
    char calling[64] = "", called[64] = "", responding[64] = "", from[256] = "", to[256] = "";
    ASC_getAPTitles(association->params, calling, sizeof calling, called, sizeof called, responding, sizeof responding);
    ASC_getPresentationAddresses(association->params, from, sizeof from, to, sizeof to);
    const auto listed = [](const std::vector<std::string>& list, const std::string& item) {
      return std::any_of(list.begin(), list.end(), [&](const std::string& one) { return one == "*" || one == item; });
    };
    if (full)
      return reject(association, ASC_RESULT_REJECTEDTRANSIENT, ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED,
                    ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED, "too many at once");
    if (options_.ae != called)
      return reject(association, ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER,
                    ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED, "it calls another AE title");
    if (!listed(options_.allow_ae, calling) || (!options_.allow_host.empty() && !listed(options_.allow_host, from)))
      return reject(association, ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER,
                    ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED, "the caller is not on the list");
    accept_contexts(association->params);
    if (ASC_countAcceptedPresentationContexts(association->params) == 0)
      return reject(association, ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER, ASC_REASON_SU_NOREASON,
                    "it asks for other services than storage");
    return ASC_acknowledgeAssociation(association).good();
  }

  bool reject(T_ASC_Association* association, T_ASC_RejectParametersResult result, T_ASC_RejectParametersSource source,
              T_ASC_RejectParametersReason reason, const char* words) const {
    const T_ASC_RejectParameters parameters{result, source, reason};
    ASC_rejectAssociation(association, &parameters);
    note(std::string("an association was refused: ") + words);
    return false;
  }

  static void accept_contexts(T_ASC_Parameters* parameters) {
    const char* verification[] = {UID_VerificationSOPClass};
    const char* plain[] = {UID_LittleEndianExplicitTransferSyntax, UID_LittleEndianImplicitTransferSyntax};
    const char* all[] = {UID_LittleEndianExplicitTransferSyntax,
                         UID_LittleEndianImplicitTransferSyntax,
                         UID_JPEGProcess14SV1TransferSyntax,
                         UID_JPEGProcess1TransferSyntax,
                         UID_JPEGProcess2_4TransferSyntax,
                         UID_JPEG2000LosslessOnlyTransferSyntax,
                         UID_JPEG2000TransferSyntax,
                         UID_JPEGLSLosslessTransferSyntax,
                         UID_RLELosslessTransferSyntax};
    ASC_acceptContextsWithPreferredTransferSyntaxes(parameters, verification, 1, plain, std::size(plain));
    ASC_acceptContextsWithPreferredTransferSyntaxes(parameters, dcmAllStorageSOPClassUIDs,
                                                    numberOfDcmAllStorageSOPClassUIDs, all, std::size(all));
  }

  void converse(T_ASC_Association* association, const std::stop_token& stop) const {
    char calling[64] = "";
    ASC_getAPTitles(association->params, calling, sizeof calling, nullptr, 0, nullptr, 0);
    Inbox inbox(options_.spool, options_.limits);
    auto idle_since = std::chrono::steady_clock::now();
    while (true) {
      if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "receiver", "it is being stopped");
      T_ASC_PresentationContextID context = 0;
      T_DIMSE_Message message{};
      const OFCondition condition =
          DIMSE_receiveCommand(association, DIMSE_NONBLOCKING, 1, &context, &message, nullptr);
      if (condition == DUL_PEERREQUESTEDRELEASE) {
        ASC_acknowledgeRelease(association);
        return;
      }
      if (condition == DIMSE_NODATAAVAILABLE &&
          std::chrono::steady_clock::now() - idle_since < std::chrono::seconds(options_.timeout_s))
        continue;
      if (condition.bad()) throw Error(ErrorCode::kNotFound, "sender", "it fell silent or went away");
      if (message.CommandField == DIMSE_C_ECHO_RQ)
        DIMSE_sendEchoResponse(association, context, &message.msg.CEchoRQ, STATUS_Success, nullptr);
      else if (message.CommandField == DIMSE_C_STORE_RQ)
        take(association, context, message.msg.CStoreRQ, calling, inbox);
      else
        throw Error(ErrorCode::kUnsupported, "sender", "it asks for a service that is not offered");
      idle_since = std::chrono::steady_clock::now();
    }
  }

  void take(T_ASC_Association* association, T_ASC_PresentationContextID context, const T_DIMSE_C_StoreRQ& request,
            const char* calling, Inbox& inbox) const {
    DIC_US status = STATUS_STORE_Success;
    try {
      ReceivedObject object = inbox.receive(association, context, request, options_.timeout_s);
      object.calling_ae = calling;
      try {
        sink_(object);
      } catch (const Error& error) {
        note(error.subject() + ": " + error.problem());
        status = STATUS_STORE_Refused_OutOfResources;
        std::error_code ignored;
        std::filesystem::remove(object.file, ignored);
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCorrupt) throw;
      note(error.subject() + ": " + error.problem());
      status = STATUS_STORE_Error_DataSetDoesNotMatchSOPClass;
    }
    if (pacs::answer_store(association, context, request, status).bad())
      throw Error(ErrorCode::kNotFound, "sender", "it went away before the answer");
  }

  StoreServerOptions options_;
  Sink sink_;
  Log log_;
  std::unique_ptr<DcmTLSTransportLayer> tls_;
  pacs::Network network_;
};

StoreServer::StoreServer(StoreServerOptions options, Sink sink, Log log)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(sink), std::move(log))) {}
StoreServer::~StoreServer() = default;
void StoreServer::run(std::stop_token stop) {
  impl_->run(stop);
}

}  // namespace fovea::io
