#include "pacs/association.h"

#include <algorithm>
#include <chrono>

#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dcmtrans.h>
#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/dcmtls/tlslayer.h>
#include <dcmtk/oflog/oflog.h>

namespace fovea::io::pacs {
namespace {

namespace fs = std::filesystem;
constexpr int kStepSeconds = 1;
constexpr const char* kCheckPeer = "Check --host, --port and whether the PACS runs.";

void throw_if_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "", "cancelled; no partial output was left");
}

std::string text_of(const OFCondition& condition) {
  std::string text = condition.text();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void check_tls(bool ok, const fs::path& file, const char* problem) {
  if (ok) return;
  throw Error(ErrorCode::kUsage, file.empty() ? "TLS" : file.filename().string(), problem,
              "Give PEM files with --cert, --key and --ca.");
}

}  // namespace

void prepare_dcmtk(int timeout_s) {
  OFLog::configure(OFLogger::OFF_LOG_LEVEL);
  dcmConnectionTimeout.set(timeout_s);
  dcmSocketSendTimeout.set(timeout_s);
  dcmSocketReceiveTimeout.set(timeout_s);
  dcmDisableGethostbyaddr.set(OFTrue);  // a reverse look-up may hang for longer than any timeout of ours
}

void check_ae(const std::string& title) {
  const bool printable =
      std::all_of(title.begin(), title.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f && c != '\\'; });
  if (title.empty() || title.size() > 16 || !printable || title.find_first_not_of(' ') == std::string::npos)
    throw Error(ErrorCode::kUsage, "AE title '" + title + "'", "it must have 1 to 16 printable ASCII characters",
                "Ask the administrator of the PACS for the title.");
}

std::unique_ptr<DcmTLSTransportLayer> tls_layer(const PacsTls& tls, bool server) {
  if (!tls.on) return nullptr;
  DcmTLSTransportLayer::initializeOpenSSL();
  auto layer = std::make_unique<DcmTLSTransportLayer>(server ? NET_ACCEPTOR : NET_REQUESTOR, nullptr, OFFalse);
  check_tls(!tls.ca.empty(), {}, "the certificate authority that the other side is verified with is missing");
  check_tls(layer->addTrustedCertificateFile(tls.ca.c_str(), DCF_Filetype_PEM).good(), tls.ca,
            "it cannot be read as a PEM certificate");
  check_tls(tls.certificate.empty() == tls.key.empty(), {}, "a certificate and its key go together");
  check_tls(!server || !tls.certificate.empty(), {}, "a server needs a certificate and its key");
  if (!tls.certificate.empty()) {
    check_tls(layer->setPrivateKeyFile(tls.key.c_str(), DCF_Filetype_PEM).good(), tls.key,
              "it cannot be read as a PEM key");
    check_tls(layer->setCertificateFile(tls.certificate.c_str(), DCF_Filetype_PEM).good(), tls.certificate,
              "it cannot be read as a PEM certificate");
    check_tls(layer->checkPrivateKeyMatchesCertificate(), tls.key, "it is not the key of the certificate");
  }
  check_tls(layer->setTLSProfile(TSP_Profile_BCP195).good() && layer->activateCipherSuites().good(), {},
            "the cipher suites of BCP 195 are not available");
  layer->setCertificateVerification(DCV_requireCertificate);
  return layer;
}

const std::vector<std::string>& uncompressed_syntaxes() {
  static const std::vector<std::string> both{UID_LittleEndianExplicitTransferSyntax,
                                             UID_LittleEndianImplicitTransferSyntax};
  return both;
}

Association::Association(const PacsPeer& peer, const std::vector<Context>& contexts, std::stop_token stop)
    : peer_(peer), stop_(std::move(stop)) {
  check_ae(peer_.ae);
  check_ae(peer_.called_ae);
  prepare_dcmtk(peer_.timeout_s);
  throw_if_stopped(stop_);
  T_ASC_Network* network = nullptr;
  check(ASC_initializeNetwork(NET_REQUESTOR, 0, peer_.timeout_s, &network), "starting the network");
  network_.reset(network);
  tls_ = tls_layer(peer_.tls, false);
  if (tls_) check(ASC_setTransportLayer(network, tls_.get(), 0), "starting TLS");

  T_ASC_Parameters* parameters = nullptr;
  check(ASC_createAssociationParameters(&parameters, ASC_DEFAULTMAXPDU), "preparing the association");
  ASC_setTransportLayerType(parameters, tls_ ? OFTrue : OFFalse);
  ASC_setAPTitles(parameters, peer_.ae.c_str(), peer_.called_ae.c_str(), nullptr);
  ASC_setPresentationAddresses(parameters, "localhost", peer_.address().c_str());
  T_ASC_PresentationContextID id = 1;
  for (const Context& context : contexts) {
    std::vector<const char*> syntaxes;
    for (const std::string& syntax : context.transfer_syntaxes) syntaxes.push_back(syntax.c_str());
    ASC_addPresentationContext(parameters, id, context.abstract_syntax.c_str(), syntaxes.data(),
                               static_cast<int>(syntaxes.size()),
                               context.we_provide ? ASC_SC_ROLE_SCP : ASC_SC_ROLE_DEFAULT);
    id = static_cast<T_ASC_PresentationContextID>(id + 2);
  }
  request(parameters);
}

void Association::request(T_ASC_Parameters* parameters) {
  const OFCondition condition =
      ASC_requestAssociation(network_.get(), parameters, &association_, nullptr, nullptr, DUL_NOBLOCK, peer_.timeout_s);
  if (condition.good()) {
    if (ASC_countAcceptedPresentationContexts(parameters) > 0) return;
    ASC_abortAssociation(association_);
    ASC_destroyAssociation(&association_);
    throw error(ErrorCode::kUnsupported, "it accepts the association but none of the services asked for",
                "Ask its administrator which services the title '" + peer_.ae + "' may use.");
  }
  // The parameters are the association's once it exists.
  struct Cleanup {
    T_ASC_Association** association;
    T_ASC_Parameters* parameters;
    ~Cleanup() {
      if (*association)
        ASC_destroyAssociation(association);
      else
        ASC_destroyAssociationParameters(&parameters);
    }
  } cleanup{&association_, parameters};
  throw_if_stopped(stop_);
  if (condition == DUL_ASSOCIATIONREJECTED) refused(parameters);
  throw error(
      ErrorCode::kNotFound, "no DICOM connection came about (" + text_of(condition) + ")",
      peer_.tls.on ? "Check --host, --port, the certificates, and whether the PACS speaks TLS there." : kCheckPeer);
}

void Association::refused(T_ASC_Parameters* parameters) const {
  T_ASC_RejectParameters rejection{};
  ASC_getRejectParameters(parameters, &rejection);
  switch (rejection.reason) {
    case ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED:
      throw error(ErrorCode::kUnsupported,
                  "it refuses the association: it does not answer to '" + peer_.called_ae + "'",
                  "Set --called-ae to the PACS's own title.");
    case ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED:
      throw error(ErrorCode::kUnsupported, "it refuses the association: it does not know us as '" + peer_.ae + "'",
                  "Have this title and this machine entered at the PACS, or set --ae to one that is.");
    case ASC_REASON_SP_PRES_TEMPORARYCONGESTION:
    case ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED:
      throw error(ErrorCode::kUnsupported, "it refuses the association: it is busy", "Try again later.");
    default:
      throw error(ErrorCode::kUnsupported, "it refuses the association and gives no reason",
                  "Check --ae and --called-ae with the administrator of the PACS.");
  }
}

Association::~Association() {
  if (!association_) return;
  ASC_abortAssociation(association_);
  ASC_destroyAssociation(&association_);
}

Error Association::error(ErrorCode code, const std::string& problem, const std::string& remedy) const {
  return {code, peer_.address(), problem, remedy};
}

void Association::check(const OFCondition& condition, const char* doing) const {
  if (condition.bad())
    throw error(ErrorCode::kNotFound, std::string(doing) + " failed (" + text_of(condition) + ")", kCheckPeer);
}

T_ASC_PresentationContextID Association::accepted(const std::string& abstract, const std::string& transfer) const {
  if (transfer.empty()) return ASC_findAcceptedPresentationContextID(association_, abstract.c_str());
  // DCMTK's own look-up falls back to another transfer syntax: ask what was really accepted.
  const auto id = ASC_findAcceptedPresentationContextID(association_, abstract.c_str(), transfer.c_str());
  T_ASC_PresentationContext context{};
  if (id == 0 || ASC_findAcceptedPresentationContext(association_->params, id, &context).bad()) return 0;
  return transfer == context.acceptedTransferSyntax ? id : T_ASC_PresentationContextID{0};
}

T_ASC_PresentationContextID Association::required(const std::string& abstract, const char* service) const {
  const auto id = accepted(abstract);
  if (id == 0)
    throw error(ErrorCode::kUnsupported, std::string("it does not offer ") + service,
                "Ask its administrator which services the title '" + peer_.ae + "' may use.");
  return id;
}

void Association::send(T_ASC_PresentationContextID context, T_DIMSE_Message& message, DcmDataset* dataset) {
  throw_if_stopped(stop_);
  check(DIMSE_sendMessageUsingMemoryData(association_, context, &message, nullptr, dataset, nullptr, nullptr),
        "sending the request");
}

T_DIMSE_Message Association::receive(T_ASC_PresentationContextID& context) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(peer_.timeout_s);
  while (true) {
    throw_if_stopped(stop_);
    T_DIMSE_Message message{};
    const OFCondition condition =
        DIMSE_receiveCommand(association_, DIMSE_NONBLOCKING, kStepSeconds, &context, &message, nullptr);
    if (condition.good()) return message;
    if (condition != DIMSE_NODATAAVAILABLE) {
      if (condition == DUL_PEERREQUESTEDRELEASE || condition == DUL_PEERABORTEDASSOCIATION)
        throw error(ErrorCode::kNotFound, "it ended the association before the answer", "Look into the PACS's log.");
      check(condition, "waiting for the answer");
    }
    if (std::chrono::steady_clock::now() > deadline)
      throw error(ErrorCode::kNotFound, "it did not answer within " + std::to_string(peer_.timeout_s) + " s",
                  "Give it more time with --timeout, or look into the PACS's log.");
  }
}

std::unique_ptr<DcmDataset> Association::receive_dataset(T_ASC_PresentationContextID context) {
  DcmDataset* made = nullptr;
  T_ASC_PresentationContextID received = context;
  const OFCondition condition = DIMSE_receiveDataSetInMemory(association_, DIMSE_NONBLOCKING, peer_.timeout_s,
                                                             &received, &made, nullptr, nullptr);
  std::unique_ptr<DcmDataset> dataset(made);
  check(condition, "receiving");
  return dataset;
}

void Association::skip_dataset(T_DIMSE_DataSetType type) {
  if (type == DIMSE_DATASET_NULL) return;
  DIC_UL bytes = 0, parts = 0;
  check(DIMSE_ignoreDataSet(association_, DIMSE_NONBLOCKING, peer_.timeout_s, &bytes, &parts), "receiving");
}

void Association::cancel(T_ASC_PresentationContextID context, DIC_US message) {
  check(DIMSE_sendCancelRequest(association_, context, message), "cancelling");
}

void Association::release() {
  ASC_releaseAssociation(association_);
  ASC_destroyAssociation(&association_);
}

}  // namespace fovea::io::pacs
