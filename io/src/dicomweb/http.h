// Requests to one DICOMweb server over libcurl: one connection that is kept, bounded answers that stream, busy servers
// and broken lines tried again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <fovea/base/error.h>
#include <fovea/io/dicomweb.h>

namespace fovea::io::dicomweb {

struct Head {
  int status = 0;
  std::string content_type;
};

/// What is sent, read as often as it has to be sent.
struct Body {
  std::string content_type;
  std::int64_t bytes = 0;
  std::function<void()> rewind;
  std::function<std::size_t(std::span<char>)> read;  ///< 0: cannot be read, the request is given up
};

struct Call {
  std::string path;  ///< below the root: "/studies/1.2.3/series"
  std::vector<std::pair<std::string, std::string>> query{};
  std::string accept = "application/dicom+json";
  const Body* body = nullptr;  ///< POST
  /// Before the first byte of a good answer, again when the request is repeated; may throw.
  std::function<void(const Head&)> begin{};
  std::function<void(std::span<const char>)> data{};  ///< of a good answer; may throw, the transfer ends then
  std::int64_t max_bytes = 0;                         ///< of a good answer; Error(kOutOfMemory) beyond
};

class Http {
 public:
  Http(const WebPeer& peer, std::stop_token stop);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  /// The head of the answer: 2xx, or 409 to something sent (STOW-RS reports in it). Everything else is an Error with
  /// one sentence.
  Head perform(const Call& call);
  /// The answer as text; empty after 204. Error(kUnsupported) when it says that it is no JSON.
  std::string json(Call call, std::int64_t max_bytes, int* status = nullptr);

  Error error(ErrorCode code, const std::string& problem, const std::string& remedy) const;
  const WebPeer& peer() const { return peer_; }

 private:
  struct Attempt;
  void prepare(Attempt& attempt, const Call& call);
  [[noreturn]] void refused(int status) const;
  [[noreturn]] void unreachable(int code) const;
  void pause(int attempt, std::int64_t asked_s) const;
  std::string url_of(const Call& call) const;

  WebPeer peer_;
  std::stop_token stop_;
  void* curl_ = nullptr;
  bool reached_ = false;  ///< a server that was never there is not waited for
};

/// Error(kUnsupported) when an untrusted text is no UID: it would become part of a path.
const std::string& checked_uid(const Http& http, const std::string& uid);

}  // namespace fovea::io::dicomweb
