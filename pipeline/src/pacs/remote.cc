#include "pacs/remote.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include <fovea/base/error.h>
#include <fovea/io/dicomweb.h>

#include "pacs/peer.h"
#include "problems.h"

namespace fovea::pipeline::pacs {
namespace {

namespace fs = std::filesystem;
constexpr const char *kTokenVariable = "FOVEA_DICOMWEB_TOKEN", *kLoginVariable = "FOVEA_DICOMWEB_LOGIN";

class DimseRemote final : public Remote {
 public:
  explicit DimseRemote(io::PacsPeer peer) : peer_(std::move(peer)) {}
  std::string address() const override { return peer_.address(); }
  void echo(std::stop_token stop) const override { io::pacs_echo(peer_, std::move(stop)); }
  io::PacsMatches find(const io::PacsQuery& query, std::stop_token stop) const override {
    return io::pacs_find(peer_, query, std::move(stop));
  }
  Got get(const io::PacsMatch& series, const fs::path& folder, const io::PacsLimits& limits,
          const io::PacsProgress& progress, std::stop_token stop) const override {
    const auto got =
        io::pacs_get(peer_, series.study_uid, series.series_uid, folder, limits, progress, std::move(stop));
    return {got.objects, got.bytes, 0};
  }
  std::vector<io::PacsStored> store(const std::vector<fs::path>& files, const io::PacsProgress& progress,
                                    std::stop_token stop) const override {
    return io::pacs_store(peer_, files, progress, std::move(stop));
  }

 private:
  io::PacsPeer peer_;
};

class WebRemote final : public Remote {
 public:
  explicit WebRemote(io::WebPeer peer) : peer_(std::move(peer)) {}
  std::string address() const override { return peer_.address(); }
  void echo(std::stop_token stop) const override {
    io::PacsQuery one;
    one.max_matches = 1;
    io::web_find(peer_, one, std::move(stop));
  }
  io::PacsMatches find(const io::PacsQuery& query, std::stop_token stop) const override {
    return io::web_find(peer_, query, std::move(stop));
  }
  Got get(const io::PacsMatch& series, const fs::path& folder, const io::PacsLimits& limits,
          const io::PacsProgress& progress, std::stop_token stop) const override {
    const auto got = io::web_get(peer_, series.study_uid, series.series_uid, folder, limits, progress, std::move(stop));
    return {got.objects, got.bytes, got.kept};
  }
  std::vector<io::PacsStored> store(const std::vector<fs::path>& files, const io::PacsProgress& progress,
                                    std::stop_token stop) const override {
    return io::web_store(peer_, files, progress, std::move(stop));
  }

 private:
  io::WebPeer peer_;
};

/// The first line of the file, or the environment's; `what` names it in the message.
std::string secret(const std::string& file, const char* variable, const char* what) {
  std::string text;
  if (!file.empty()) {
    std::ifstream stream(file);
    std::getline(stream, text);
    while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.pop_back();
    if (text.empty())
      throw Error(ErrorCode::kUsage, fs::path(file).filename().string(), std::string("there is no ") + what + " in it",
                  "Its first line is read.");
  } else if (const char* value = std::getenv(variable)) {
    text = value;
  }
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }) ||
      text.size() > 16384)
    throw Error(ErrorCode::kUsage, file.empty() ? variable : fs::path(file).filename().string(),
                std::string("this cannot be a ") + what, "Its first line is read.");
  return text;
}

io::WebPeer web_peer_of(const JobValues& values) {
  std::vector<std::string> problems;
  for (const char* name : {"host", "port", "ae", "called-ae", "tls"})
    if (values.given(name)) problems.push_back(std::string("--") + name + " does not go with --url");
  if (values.given("cert") != values.given("key")) problems.push_back("--cert and --key go together");
  if (values.given("token-file") && values.given("login-file"))
    problems.push_back("--token-file and --login-file exclude each other");
  if (values.integer("timeout") < 1 || values.integer("timeout") > 3600)
    problems.push_back("--timeout must lie between 1 and 3600 s");
  refuse_problems(problems, values.request().kind);
  io::WebPeer peer;
  peer.url = values.text("url");
  peer.ca = values.text("ca"), peer.certificate = values.text("cert"), peer.key = values.text("key");
  peer.timeout_s = static_cast<int>(values.integer("timeout"));
  if (!values.given("login-file")) peer.token = secret(values.text("token-file"), kTokenVariable, "token");
  if (peer.token.empty()) {
    const std::string login = secret(values.text("login-file"), kLoginVariable, "user:password");
    const auto colon = login.find(':');
    if (!login.empty() && (colon == std::string::npos || colon == 0))
      throw Error(ErrorCode::kUsage, "login", "it must be user:password", "Write it into the file of --login-file.");
    if (!login.empty()) peer.user = login.substr(0, colon), peer.password = login.substr(colon + 1);
  }
  peer.address();  // says what is wrong with the URL
  return peer;
}

}  // namespace

void add_remote(std::vector<Parameter>& p) {
  const std::size_t host = p.size();  // the first that comes
  add_peer(p);
  p[host].required = false, p[host].fallback = std::string{};
  const std::string group = "DICOMweb";
  p.push_back({.name = "url",
               .type = ParameterType::kText,
               .help = "Root of a DICOMweb service, https://pacs.example/dicom-web, in place of --host",
               .fallback = std::string{},
               .group = group});
  p.push_back({.name = "token-file",
               .type = ParameterType::kFile,
               .help = std::string("File with a bearer token (or the environment's ") + kTokenVariable + ")",
               .fallback = std::string{},
               .group = group});
  p.push_back({.name = "login-file",
               .type = ParameterType::kFile,
               .help = std::string("File with user:password (or the environment's ") + kLoginVariable + ")",
               .fallback = std::string{},
               .group = group});
}

std::unique_ptr<Remote> remote_of(const JobValues& values) {
  if (!values.text("url").empty()) return std::make_unique<WebRemote>(web_peer_of(values));
  std::vector<std::string> problems;
  if (values.text("host").empty()) problems.push_back("say which PACS: --host, or --url for DICOMweb");
  if (values.given("token-file") || values.given("login-file"))
    problems.push_back("--token-file and --login-file go with --url");
  refuse_problems(problems, values.request().kind);
  return remote_of(peer_of(values));
}

std::unique_ptr<Remote> remote_of(const io::PacsPeer& peer) {
  return std::make_unique<DimseRemote>(peer);
}

std::vector<io::PacsMatch> selected_series(const Remote& remote, const JobValues& values, std::stop_token stop) {
  std::vector<std::string> studies{values.text("study")};
  if (studies.front().empty()) {
    studies.clear();
    for (const io::PacsMatch& match : remote.find(query_of(values, io::PacsLevel::kStudy), stop).matches)
      studies.push_back(match.study_uid);
  }
  std::vector<io::PacsMatch> selected;
  for (const std::string& study : studies) {
    io::PacsQuery query = query_of(values, io::PacsLevel::kSeries);
    query.study_uid = study;
    for (io::PacsMatch& match : remote.find(query, stop).matches) {
      match.study_uid = study;  // the answer need not repeat it
      if (contains(match.series_description, values.text("description"))) selected.push_back(std::move(match));
    }
  }
  return selected;
}

}  // namespace fovea::pipeline::pacs
