// WADO-RS of a series, instance by instance, so that what has come need not come again.
#include <fovea/io/dicomweb.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>

#include <fovea/io/atomic_file.h>

#include "core/folder_in_progress.h"
#include "dicomweb/dicom_json.h"
#include "dicomweb/find.h"
#include "dicomweb/http.h"
#include "dicomweb/multipart.h"
#include "pacs/object_header.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
using namespace dicomweb;

std::string name_of(const std::string& instance) {
  return pseudonym(instance, 32) + ".dcm";
}

/// One instance while it arrives: the only part of a multipart answer, or all of a plain one.
class Arrival {
 public:
  Arrival(const Http& http, const fs::path& target) : http_(http), file_(target) {}

  void begin(const Head& head) {
    multipart_.reset();
    parts_ = bytes_ = 0;
    const std::string type = media_type_of(head.content_type);
    if (type == "application/dicom") return part(type);
    const std::string boundary = type == "multipart/related" ? boundary_of(head.content_type) : "";
    if (boundary.empty())
      throw http_.error(ErrorCode::kUnsupported,
                        "it answers with " +
                            (type.empty() ? "something without a type" : "'" + type.substr(0, 60) + "'") +
                            " instead of DICOM",
                        "Check --url: it must be the root of the DICOMweb service.");
    multipart_.emplace(boundary,
                       MultipartReader::Sink{[this](const std::string& content) { part(media_type_of(content)); },
                                             [this](std::span<const char> bytes) { write(bytes); }, [] {}});
  }
  void data(std::span<const char> bytes) {
    if (multipart_)
      multipart_->feed(bytes);
    else
      write(bytes);
  }
  /// Puts the file in its place when it is whole and is what was asked for.
  void finish(const std::string& study, const std::string& series, const std::string& instance) {
    if (multipart_) multipart_->finish();
    if (parts_ == 0)
      throw http_.error(ErrorCode::kCorrupt, "it answers without an object", "Look into the server's log.");
    stream_.close();
    if (stream_.fail()) write_failed();
    const ReceivedObject object = pacs::object_header(file_.temporary());
    if (object.sop_instance_uid != instance || object.series_uid != series || object.study_uid != study)
      throw http_.error(ErrorCode::kCorrupt, "it sends another object than the one asked for",
                        "Look into the server's log.");
    file_.commit();
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  void part(const std::string& type) {
    if (++parts_ > 1)
      throw http_.error(ErrorCode::kCorrupt, "it sends several objects for one", "Look into the server's log.");
    if (!type.empty() && type != "application/dicom")
      throw http_.error(ErrorCode::kUnsupported, "it sends a part that is no DICOM", "Look into the server's log.");
    if (stream_.is_open()) stream_.close();
    stream_.clear();
    stream_.open(file_.temporary(), std::ios::binary | std::ios::trunc);
    if (!stream_) write_failed();
  }
  void write(std::span<const char> bytes) {
    bytes_ += static_cast<std::int64_t>(bytes.size());
    if (!stream_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()))) write_failed();
  }
  [[noreturn]] void write_failed() const {
    throw Error(ErrorCode::kWriteFailed, file_.target().filename().string(),
                "the object could not be written (is the disk full?)", "Free some space.");
  }

  const Http& http_;
  AtomicFile file_;
  std::ofstream stream_;
  std::optional<MultipartReader> multipart_;
  std::int64_t parts_ = 0, bytes_ = 0;
};

std::vector<std::string> instances_of(Http& http, const std::string& path, const PacsLimits& limits) {
  const Listing listing = list(http, path + "/instances", {}, "00080018", static_cast<std::size_t>(limits.max_objects));
  if (listing.cut)
    throw http.error(ErrorCode::kOutOfMemory, "the series passes the limit of objects",
                     "Raise the limit if this is what you expect.");
  if (listing.sets.empty())
    throw http.error(ErrorCode::kNotFound, "it has no objects of this series", "Check the UIDs with pacs find.");
  std::vector<std::string> instances;
  for (const auto& set : listing.sets) instances.push_back(checked_uid(http, text_of(set, "00080018")));
  return instances;
}

/// What one more object may have; Error(kOutOfMemory) when there is no room at all.
std::int64_t room(const Http& http, const PacsLimits& limits, const fs::path& folder, std::int64_t received) {
  std::error_code ignored;
  const auto space = fs::space(folder, ignored);
  const auto available = static_cast<std::int64_t>(std::min<std::uintmax_t>(space.available, INT64_MAX));
  if (!ignored && available < limits.min_free_bytes)
    throw http.error(ErrorCode::kOutOfMemory,
                     "what it sends passes the limit of space that is to stay free on the disk", "Free some space.");
  const std::int64_t left = std::min(limits.max_object_bytes, limits.max_total_bytes - received);
  constexpr std::int64_t kWrapping = 64 << 10;  // of the answer around its object
  return std::max<std::int64_t>(0, left) + kWrapping;
}

}  // namespace

WebRetrieved web_get(const WebPeer& peer, const std::string& study, const std::string& series, const fs::path& folder,
                     const PacsLimits& limits, const PacsProgress& progress, std::stop_token stop) {
  Http http(peer, std::move(stop));
  const std::string path = "/studies/" + checked_uid(http, study) + "/series/" + checked_uid(http, series);
  const std::vector<std::string> instances = instances_of(http, path, limits);
  FolderInProgress place(folder, FolderInProgress::Leftovers::kResume);
  WebRetrieved got;
  std::set<std::string> wanted;
  for (const std::string& instance : instances) wanted.insert(name_of(instance));
  for (const auto& entry : fs::directory_iterator(place.part()))  // the series may have changed since
    if (wanted.count(entry.path().filename().string()) == 0) fs::remove(entry.path());
  try {
    for (const std::string& instance : instances) {
      const fs::path target = place.part() / name_of(instance);
      if (fs::exists(target)) {
        ++got.kept;
      } else {
        Arrival arrival(http, target);
        Call call{path + "/instances/" + instance};
        call.accept = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
        call.begin = [&](const Head& head) { arrival.begin(head); };
        call.data = [&](std::span<const char> bytes) { arrival.data(bytes); };
        call.max_bytes = room(http, limits, place.part(), got.bytes);
        http.perform(call);
        arrival.finish(study, series, instance);
        ++got.objects, got.bytes += arrival.bytes();
      }
      const std::int64_t done = got.objects + got.kept;
      if (progress) progress(done, static_cast<std::int64_t>(instances.size()) - done);
    }
  } catch (...) {
    place.discard_if_empty();
    throw;
  }
  place.commit();
  return got;
}

}  // namespace fovea::io
