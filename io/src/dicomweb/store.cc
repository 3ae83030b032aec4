// STOW-RS, a request a file: whatever its size, one block of it is in memory.
#include <fovea/io/dicomweb.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>

#include <nlohmann/json.hpp>

#include "dicomweb/dicom_json.h"
#include "dicomweb/http.h"
#include "pacs/object_header.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
using namespace dicomweb;
constexpr std::int64_t kMostJson = 1 << 20;

/// The file between two lines of multipart.
class FileBody {
 public:
  explicit FileBody(const fs::path& file) : stream_(file, std::ios::binary) {
    std::random_device random;  // a boundary that no file can have been made to hold
    std::string boundary = "fovea-";
    for (int i = 0; i < 4; ++i) boundary += std::to_string(random());
    before_ = "--" + boundary + "\r\nContent-Type: application/dicom\r\n\r\n", after_ = "\r\n--" + boundary + "--\r\n";
    size_ = static_cast<std::int64_t>(fs::file_size(file));
    body_.content_type = "multipart/related; type=\"application/dicom\"; boundary=" + boundary;
    body_.bytes = static_cast<std::int64_t>(before_.size() + after_.size()) + size_;
    body_.rewind = [this] { at_ = 0, stream_.clear(), stream_.seekg(0); };
    body_.read = [this](std::span<char> room) { return read(room); };
  }
  const Body& body() const { return body_; }

 private:
  std::size_t read(std::span<char> room) {
    const auto head = static_cast<std::int64_t>(before_.size());
    std::size_t got = 0;
    if (at_ < head) {
      got = before_.copy(room.data(), room.size(), static_cast<std::size_t>(at_));
    } else if (at_ < head + size_) {
      const auto most = std::min<std::int64_t>(static_cast<std::int64_t>(room.size()), head + size_ - at_);
      stream_.read(room.data(), most);
      got = static_cast<std::size_t>(stream_.gcount());
    } else if (at_ < body_.bytes) {
      got = after_.copy(room.data(), room.size(), static_cast<std::size_t>(at_ - head - size_));
    }
    at_ += static_cast<std::int64_t>(got);
    return got;
  }

  std::ifstream stream_;
  std::string before_, after_;
  std::int64_t size_ = 0, at_ = 0;
  Body body_;
};

/// Part 10: 128 bytes and the letters.
bool is_dicom_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  char head[132] = {};
  return stream.read(head, sizeof head) && std::memcmp(head + 128, "DICM", 4) == 0;
}

/// Empty when it was taken.
std::string problem_in(const std::string& answer, int status) {
  for (const nlohmann::json& set : data_sets(answer))
    for (const nlohmann::json& failure : items_of(set, "00081198")) {
      const std::int64_t reason = count_of(failure, "00081197");
      char text[16];
      std::snprintf(text, sizeof text, "0x%04X", static_cast<unsigned>(reason < 0 ? 0 : reason & 0xffff));
      return std::string("the PACS refuses it (failure reason ") + text + ")";
    }
  return status == 409 ? "the PACS refuses it and gives no reason" : "";
}

/// After these the next file would fare no better.
bool hopeless(const Error& error) {
  return error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kUnsupported ||
         error.code() == ErrorCode::kUsage;
}

}  // namespace

std::vector<PacsStored> web_store(const WebPeer& peer, const std::vector<fs::path>& files, const PacsProgress& progress,
                                  std::stop_token stop) {
  Http http(peer, stop);
  std::vector<PacsStored> outcomes;
  for (const fs::path& file : files) outcomes.push_back({file, false, "not sent"});
  for (std::size_t i = 0; i < files.size(); ++i) {
    PacsStored& outcome = outcomes[i];
    if (!is_dicom_file(files[i]) || pacs::object_header(files[i]).sop_instance_uid.empty()) {
      outcome.problem = "it is no DICOM object";
    } else {
      try {
        const FileBody body(files[i]);
        Call call{"/studies"};
        call.body = &body.body();
        int status = 0;
        const std::string answer = http.json(call, kMostJson, &status);
        outcome.problem = problem_in(answer, status);
        outcome.ok = outcome.problem.empty();
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kCancelled) throw;
        const bool none_yet =
            std::none_of(outcomes.begin(), outcomes.end(), [](const PacsStored& one) { return one.ok; });
        if (hopeless(error) && none_yet) throw;
        outcome.problem = error.problem();
        if (hopeless(error)) return outcomes;
      }
    }
    if (progress) progress(static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(files.size() - i - 1));
  }
  return outcomes;
}

}  // namespace fovea::io
