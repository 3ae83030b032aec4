// An association as a client: opened with its contexts, ended with its object. Answers are waited for in short steps,
// so that a stop is heard.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/dimse.h>

#include <fovea/base/error.h>
#include <fovea/io/pacs.h>

class DcmTLSTransportLayer;

namespace fovea::io::pacs {

/// DCMTK's own log may name patients: off. Also what is global in DCMTK.
void prepare_dcmtk(int timeout_s);
/// Error(kUsage) when it is no application entity title.
void check_ae(const std::string& title);
/// Nothing without TLS. Error(kUsage) names the certificate at fault.
std::unique_ptr<DcmTLSTransportLayer> tls_layer(const PacsTls& tls, bool server);

struct NetworkDeleter {
  void operator()(T_ASC_Network* network) const { ASC_dropNetwork(&network); }
};
using Network = std::unique_ptr<T_ASC_Network, NetworkDeleter>;

struct Context {
  std::string abstract_syntax;
  std::vector<std::string> transfer_syntaxes;
  bool we_provide = false;  ///< the peer stores to us over it (C-GET)
};
inline constexpr std::size_t kMostContexts = 128;

/// "1.2.840.10008.1.2.1", "1.2.840.10008.1.2": what everybody can read.
const std::vector<std::string>& uncompressed_syntaxes();

class Association {
 public:
  Association(const PacsPeer& peer, const std::vector<Context>& contexts, std::stop_token stop);
  ~Association();  ///< aborts unless released
  Association(const Association&) = delete;
  Association& operator=(const Association&) = delete;

  /// 0 when the peer did not accept it. An empty transfer syntax: any.
  T_ASC_PresentationContextID accepted(const std::string& abstract_syntax, const std::string& transfer = {}) const;
  /// Error(kUnsupported): "does not offer <service>".
  T_ASC_PresentationContextID required(const std::string& abstract_syntax, const char* service) const;

  DIC_US next_message() { return association_->nextMsgID++; }
  void send(T_ASC_PresentationContextID context, T_DIMSE_Message& message, DcmDataset* dataset = nullptr);
  T_DIMSE_Message receive(T_ASC_PresentationContextID& context);
  std::unique_ptr<DcmDataset> receive_dataset(T_ASC_PresentationContextID context);
  /// Reads and drops the data set that follows a message; nothing when none does.
  void skip_dataset(T_DIMSE_DataSetType type);
  void cancel(T_ASC_PresentationContextID context, DIC_US message);
  void release();

  /// Error(kNotFound) with the peer as subject when bad.
  void check(const OFCondition& condition, const char* doing) const;
  Error error(ErrorCode code, const std::string& problem, const std::string& remedy) const;
  const PacsPeer& peer() const { return peer_; }
  const std::stop_token& stop() const { return stop_; }
  T_ASC_Association* handle() { return association_; }

 private:
  void request(T_ASC_Parameters* parameters);
  [[noreturn]] void refused(T_ASC_Parameters* parameters) const;

  PacsPeer peer_;
  std::stop_token stop_;
  std::unique_ptr<DcmTLSTransportLayer> tls_;
  Network network_;
  T_ASC_Association* association_ = nullptr;
};

}  // namespace fovea::io::pacs
