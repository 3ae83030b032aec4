#include "dicomweb/http.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>

#include <curl/curl.h>

#include "dicomweb/multipart.h"

namespace fovea::io::dicomweb {
namespace {

constexpr std::int64_t kLongestPause = 60, kMostErrorBytes = 64 << 10;
constexpr int kSilentBytesPerSecond = 1;
constexpr const char* kNotDicomWeb = "Check --url: it must be the root of the DICOMweb service.";

struct Slist {
  curl_slist* list = nullptr;
  ~Slist() { curl_slist_free_all(list); }
  void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
};

struct Url {
  std::string scheme, host, port, root;
};

/// Error(kUsage) when it is no plain http or https URL.
Url parsed(const std::string& text) {
  const auto refuse = [](const char* problem) {
    throw Error(ErrorCode::kUsage, "--url", problem, "Example: https://pacs.example/dicom-web");
  };
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle(curl_url(), curl_url_cleanup);
  if (curl_url_set(handle.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) refuse("this is no URL");
  const auto part = [&](CURLUPart which) {
    char* value = nullptr;
    const bool there = curl_url_get(handle.get(), which, &value, 0) == CURLUE_OK;
    const std::string copy = there && value ? value : "";
    curl_free(value);
    return copy;
  };
  Url url{part(CURLUPART_SCHEME), part(CURLUPART_HOST), part(CURLUPART_PORT), part(CURLUPART_PATH)};
  if (url.scheme != "http" && url.scheme != "https") refuse("only http and https are spoken");
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty())
    refuse("user and password do not belong into a URL, where every process list shows them");
  if (!part(CURLUPART_QUERY).empty() || !part(CURLUPART_FRAGMENT).empty())
    refuse("it must end with the service's path");
  while (!url.root.empty() && url.root.back() == '/') url.root.pop_back();
  return url;
}

std::string origin(const Url& url) {
  return url.scheme + "://" + url.host + (url.port.empty() ? "" : ":" + url.port);
}

bool loopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.rfind("127.", 0) == 0;
}

/// `*` and `?` may stand in a query as they are, and Orthanc 1.10 knows them in no other form.
std::string wildcards(std::string escaped) {
  for (const auto& [code, letter] : {std::pair{"%2A", "*"}, std::pair{"%3F", "?"}})
    for (std::size_t at; (at = escaped.find(code)) != std::string::npos;) escaped.replace(at, 3, letter);
  return escaped;
}

bool worth_repeating(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}
bool broken_line(CURLcode code) {
  return code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_PARTIAL_FILE ||
         code == CURLE_GOT_NOTHING || code == CURLE_COULDNT_CONNECT || code == CURLE_HTTP2 ||
         code == CURLE_HTTP2_STREAM;
}

}  // namespace

/// One try: what curl's callbacks work on.
struct Http::Attempt {
  const Call& call;
  CURL* curl;
  std::stop_token stop;
  Slist headers{};
  std::int64_t received = 0;
  bool begun = false;
  std::exception_ptr thrown{};
  bool too_long = false, unreadable = false;

  Head head() const {
    long status = 0;
    char* type = nullptr;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    return {static_cast<int>(status), type ? type : ""};
  }
  bool good(int status) const { return status / 100 == 2 || (call.body && status == 409); }

  /// Exceptions must not pass through C: they wait here.
  template <class Work>
  bool guarded(Work work) {
    try {
      work();
      return true;
    } catch (...) {
      thrown = std::current_exception();
      return false;
    }
  }
  static std::size_t write(char* bytes, std::size_t, std::size_t count, void* self) {
    Attempt& at = *static_cast<Attempt*>(self);
    at.received += static_cast<std::int64_t>(count);
    const Head head = at.head();
    if (!at.good(head.status)) return at.received <= kMostErrorBytes ? count : 0;  // a page for people: dropped
    if (at.received > at.call.max_bytes) {
      at.too_long = true;
      return 0;
    }
    const bool taken = at.guarded([&] {
      if (!std::exchange(at.begun, true) && at.call.begin) at.call.begin(head);
      if (at.call.data) at.call.data({bytes, count});
    });
    return taken ? count : 0;
  }
  static std::size_t read(char* bytes, std::size_t size, std::size_t count, void* self) {
    Attempt& at = *static_cast<Attempt*>(self);
    std::size_t got = 0;
    if (!at.guarded([&] { got = at.call.body->read({bytes, size * count}); })) return CURL_READFUNC_ABORT;
    at.unreadable = at.unreadable || got == 0;
    return got == 0 ? std::size_t{CURL_READFUNC_ABORT} : got;
  }
  static int seek(void* self, curl_off_t offset, int whence) {
    Attempt& at = *static_cast<Attempt*>(self);
    if (offset != 0 || whence != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    return at.guarded([&] { at.call.body->rewind(); }) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
  }
  static int progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Attempt*>(self)->stop.stop_requested() ? 1 : 0;
  }
};

Http::Http(const WebPeer& peer, std::stop_token stop) : peer_(peer), stop_(std::move(stop)) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const Url url = parsed(peer_.url);
  if (url.scheme == "http" && !loopback(url.host) && !(peer_.token.empty() && peer_.user.empty()))
    throw Error(ErrorCode::kUsage, origin(url), "a token or password would go over the network in the clear",
                "Use https.");
  for (const auto& file : {peer_.ca, peer_.certificate, peer_.key})
    if (std::error_code ignored; !file.empty() && !std::filesystem::is_regular_file(file, ignored))
      throw Error(ErrorCode::kUsage, file.filename().string(), "there is no such certificate or key",
                  "Give PEM files with --cert, --key and --ca.");
  curl_ = ready == CURLE_OK ? curl_easy_init() : nullptr;
  if (!curl_) throw Error(ErrorCode::kInternal, "libcurl", "it cannot be started");
}

Http::~Http() {
  if (curl_) curl_easy_cleanup(curl_);
}

Error Http::error(ErrorCode code, const std::string& problem, const std::string& remedy) const {
  return {code, peer_.address(), problem, remedy};
}

std::string Http::url_of(const Call& call) const {
  const Url url = parsed(peer_.url);
  std::string text = origin(url) + url.root + call.path;
  char between = '?';
  for (const auto& [name, value] : call.query) {
    char* escaped = curl_easy_escape(curl_, value.data(), static_cast<int>(value.size()));
    text += between + name + "=" + wildcards(escaped ? escaped : "");
    curl_free(escaped);
    between = '&';
  }
  return text;
}

void Http::prepare(Attempt& attempt, const Call& call) {
  CURL* curl = curl_;
  curl_easy_reset(curl);  // keeps the connection
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(curl, option, value); };
  set(CURLOPT_URL, url_of(call).c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);  // a token must not follow it either
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(peer_.timeout_s));
  set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(kSilentBytesPerSecond));
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(peer_.timeout_s));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!peer_.ca.empty()) set(CURLOPT_CAINFO, peer_.ca.c_str()), set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  if (!peer_.certificate.empty())
    set(CURLOPT_SSLCERT, peer_.certificate.c_str()), set(CURLOPT_SSLKEY, peer_.key.c_str());
  if (!peer_.token.empty())
    set(CURLOPT_HTTPAUTH, CURLAUTH_BEARER), set(CURLOPT_XOAUTH2_BEARER, peer_.token.c_str());
  else if (!peer_.user.empty())
    set(CURLOPT_HTTPAUTH, CURLAUTH_BASIC), set(CURLOPT_USERNAME, peer_.user.c_str()),
        set(CURLOPT_PASSWORD, peer_.password.c_str());
  attempt.headers.add("Accept: " + call.accept);
  if (call.body) {
    call.body->rewind();
    attempt.headers.add("Content-Type: " + call.body->content_type);
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body->bytes));
    set(CURLOPT_READFUNCTION, &Attempt::read);
    set(CURLOPT_READDATA, static_cast<void*>(&attempt));
    set(CURLOPT_SEEKFUNCTION, &Attempt::seek);
    set(CURLOPT_SEEKDATA, static_cast<void*>(&attempt));
  }
  set(CURLOPT_HTTPHEADER, attempt.headers.list);
  set(CURLOPT_WRITEFUNCTION, &Attempt::write);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&attempt));
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &Attempt::progress);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(&attempt));
}

Head Http::perform(const Call& call) {
  for (int number = 1;; ++number) {
    if (stop_.stop_requested()) throw Error(ErrorCode::kCancelled, "", "cancelled; no partial output was left");
    Attempt attempt{call, curl_, stop_};
    prepare(attempt, call);
    const CURLcode code = curl_easy_perform(curl_);
    if (attempt.thrown) std::rethrow_exception(attempt.thrown);
    if (stop_.stop_requested()) throw Error(ErrorCode::kCancelled, "", "cancelled; no partial output was left");
    if (attempt.too_long)
      throw error(ErrorCode::kOutOfMemory, "its answer passes the limit of size",
                  "Raise the limit if this is what you expect.");
    if (attempt.unreadable) throw error(ErrorCode::kCorrupt, "the file changed while it was sent", "Send it again.");
    const Head head = attempt.head();
    reached_ = reached_ || head.status != 0;
    const bool refusal = head.status != 0 && !attempt.good(head.status);  // whatever became of its body
    if (code == CURLE_OK && !refusal) {
      if (!attempt.begun && head.status != 204 && call.begin) call.begin(head);
      return head;
    }
    const bool again =
        refusal ? worth_repeating(head.status) : broken_line(code) && (reached_ || code != CURLE_COULDNT_CONNECT);
    if (!again || number >= peer_.attempts) refusal ? refused(head.status) : unreachable(code);
    curl_off_t asked = 0;
    if (refusal) curl_easy_getinfo(curl_, CURLINFO_RETRY_AFTER, &asked);
    pause(number, asked);
  }
}

void Http::pause(int attempt, std::int64_t asked_s) const {
  const std::int64_t seconds = asked_s > 0 ? asked_s : std::int64_t{1} << std::min(attempt - 1, 5);
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any waker;
  waker.wait_for(lock, stop_, std::chrono::seconds(std::min(seconds, kLongestPause)), [] { return false; });
}

void Http::refused(int status) const {
  const std::string number = " (HTTP " + std::to_string(status) + ")";
  const bool known = !peer_.token.empty() || !peer_.user.empty();
  if (status / 100 == 3)
    throw error(ErrorCode::kUnsupported, "it refers to another address" + number,
                "Give that address with --url; redirects are not followed.");
  switch (status) {
    case 400: throw error(ErrorCode::kCorrupt, "it does not understand the request" + number, kNotDicomWeb);
    case 401:
      throw error(ErrorCode::kUnsupported,
                  (known ? "it does not accept the token or password" : "it wants to know who we are") + number,
                  "Give a token (--token-file) or user and password (--login-file).");
    case 403:
      throw error(ErrorCode::kUnsupported, "we may not do this there" + number, "Ask its administrator for the right.");
    case 404: throw error(ErrorCode::kNotFound, "it has no such object or service" + number, kNotDicomWeb);
    case 406:
    case 415:
      throw error(ErrorCode::kUnsupported, "it does not speak the format that is needed" + number,
                  "Ask its administrator whether it offers QIDO-RS, WADO-RS and STOW-RS.");
    case 413:
      throw error(ErrorCode::kOutOfMemory, "the object is larger than it accepts" + number,
                  "Ask its administrator to raise the limit.");
    case 429:
    case 502:
    case 503:
    case 504:
      throw error(ErrorCode::kNotFound,
                  "it is too busy, also after " + std::to_string(peer_.attempts) + " attempts" + number,
                  "Try again later.");
    default:
      throw error(status >= 500 ? ErrorCode::kNotFound : ErrorCode::kUnsupported, "it failed" + number,
                  "Look into the server's log.");
  }
}

void Http::unreachable(int number) const {
  const auto code = static_cast<CURLcode>(number);
  const std::string reason = std::string(" (") + curl_easy_strerror(code) + ")";
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      throw error(ErrorCode::kUnsupported, "its certificate cannot be verified" + reason,
                  "Give the authority that signed it with --ca, and the host's name as it stands in the certificate.");
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      throw error(ErrorCode::kUsage, "a certificate or key of ours cannot be used" + reason,
                  "Give PEM files with --cert, --key and --ca.");
    case CURLE_OPERATION_TIMEDOUT:
      throw error(ErrorCode::kNotFound, "it did not answer within " + std::to_string(peer_.timeout_s) + " s",
                  "Give it more time with --timeout, or look into the server's log.");
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
      throw error(ErrorCode::kNotFound, "the connection broke before the answer was whole" + reason,
                  "Run the same command again.");
    default:
      throw error(ErrorCode::kNotFound, "no connection came about" + reason,
                  "Check --url and whether the server runs.");
  }
}

std::string Http::json(Call call, std::int64_t max_bytes, int* status) {
  std::string text;
  call.max_bytes = max_bytes;
  call.begin = [&](const Head& head) {
    text.clear();
    const std::string type = media_type_of(head.content_type);
    if (type != "application/dicom+json" && type != "application/json" && head.status != 204)
      throw error(ErrorCode::kUnsupported,
                  "it answers with " + (type.empty() ? "something without a type" : "'" + type.substr(0, 60) + "'") +
                      " instead of DICOM JSON",
                  kNotDicomWeb);
  };
  call.data = [&](std::span<const char> bytes) { text.append(bytes.data(), bytes.size()); };
  const Head head = perform(call);
  if (status) *status = head.status;
  return text;
}

const std::string& checked_uid(const Http& http, const std::string& uid) {
  const bool good = !uid.empty() && uid.size() <= 64 && uid.find_first_not_of("0123456789.") == std::string::npos;
  if (!good) throw http.error(ErrorCode::kUnsupported, "a UID in question is none", "Check --study and --series.");
  return uid;
}

}  // namespace fovea::io::dicomweb

namespace fovea::io {

std::string WebPeer::address() const {
  return dicomweb::origin(dicomweb::parsed(url));
}

}  // namespace fovea::io
