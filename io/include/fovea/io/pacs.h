// A PACS over the DICOM network protocol: verify, find, retrieve, store, and the store provider that receives.
// Everything that comes from the network is untrusted: sizes are bounded while they arrive, and no name is made of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace fovea::io {

/// Certificates are PEM files. `ca` is what the other side is verified against: there is no unverified TLS. A server
/// needs `certificate` and `key`; a client only where the PACS asks for them.
struct PacsTls {
  bool on = false;
  std::filesystem::path certificate, key, ca;
};

struct PacsPeer {
  std::string host = "127.0.0.1";
  int port = 104;
  std::string called_ae = "ANY-SCP", ae = "FOVEA";  ///< theirs and ours, 1 to 16 characters
  int timeout_s = 30;                               ///< of the connection, and of every single answer
  PacsTls tls;
  std::string address() const { return host + ":" + std::to_string(port); }
};

// Errors of all calls: kNotFound (no connection, no answer in time), kUnsupported (association refused, unknown AE
// title, service not offered), kUsage (an AE title or certificate that cannot be used), kCancelled.

/// C-ECHO.
void pacs_echo(const PacsPeer& peer, std::stop_token stop = {});

enum class PacsLevel { kPatient, kStudy, kSeries };

/// Empty = any. Values are DICOM matching keys: `*` and `?` in texts, `20240101-20241231` in dates.
struct PacsQuery {
  PacsLevel level = PacsLevel::kStudy;
  std::string patient_id, patient_name, accession, study_date, study_uid, series_uid, modality;
  std::size_t max_matches = 1000;
};

/// Texts are UTF-8. Everything but modality, descriptions and counts identifies a patient: not for logs.
struct PacsMatch {
  std::string patient_id, patient_name, accession, study_date, study_uid, series_uid;
  std::string modality, study_description, series_description;
  std::int64_t studies = -1, series = -1, instances = -1;  ///< -1: the PACS does not tell
};

struct PacsMatches {
  std::vector<PacsMatch> matches;
  bool cut = false;  ///< there are more than max_matches
};
/// C-FIND: patient root for patients, study root for the rest. A series query needs a study_uid.
PacsMatches pacs_find(const PacsPeer& peer, const PacsQuery& query, std::stop_token stop = {});

struct PacsLimits {
  std::int64_t max_objects = 100'000;  ///< of one retrieval
  std::int64_t max_object_bytes = std::int64_t{4} << 30;
  std::int64_t max_total_bytes = std::int64_t{64} << 30;
  std::int64_t min_free_bytes = std::int64_t{1} << 30;  ///< left on the disk
};

struct PacsRetrieved {
  std::int64_t objects = 0, bytes = 0;
};
/// Objects so far, and how many remain (-1 unknown).
using PacsProgress = std::function<void(std::int64_t done, std::int64_t remaining)>;

/// C-GET of a series into `folder`, which must not exist: it appears when everything has arrived and is on the disk, or
/// not at all. File names are hashes of instance UIDs. Error(kCorrupt) when the PACS could not send every object,
/// kOutOfMemory when a limit is passed, kNotFound when nothing came.
PacsRetrieved pacs_get(const PacsPeer& peer, const std::string& study_uid, const std::string& series_uid,
                       const std::filesystem::path& folder, const PacsLimits& limits = {},
                       const PacsProgress& progress = {}, std::stop_token stop = {});

/// The same by C-MOVE to ourselves: the PACS knows `peer.ae` as a destination at this machine and `listen_port`. Only
/// `peer.called_ae` may store while it lasts.
PacsRetrieved pacs_move(const PacsPeer& peer, int listen_port, const std::string& study_uid,
                        const std::string& series_uid, const std::filesystem::path& folder,
                        const PacsLimits& limits = {}, const PacsProgress& progress = {}, std::stop_token stop = {});

struct PacsStored {
  std::filesystem::path file;
  bool ok = false;
  std::string problem;  ///< a clause, empty when ok
};
/// C-STORE of DICOM files as they are (uncompressed ones may change byte order). One outcome a file, in their order;
/// throws only when no association came about.
std::vector<PacsStored> pacs_store(const PacsPeer& peer, const std::vector<std::filesystem::path>& files,
                                   const PacsProgress& progress = {}, std::stop_token stop = {});

/// What has arrived: a whole file at a temporary place on the disk, synchronised. The sink moves it.
struct ReceivedObject {
  std::filesystem::path file;
  std::string sop_class_uid, sop_instance_uid, study_uid, series_uid;
  std::string modality, description, calling_ae;  ///< the description is the series'
  std::int64_t bytes = 0;
};

struct StoreServerOptions {
  int port = 11112;
  std::string ae = "FOVEA";             ///< other called titles are refused
  std::vector<std::string> allow_ae;    ///< calling titles; "*" = any
  std::vector<std::string> allow_host;  ///< addresses; empty = any
  PacsTls tls;
  int timeout_s = 30;
  PacsLimits limits;  ///< max_objects and max_total_bytes: of one association
  int max_associations = 8;
  std::filesystem::path spool;  ///< where files grow; on the file system of their final place
};

/// The store provider: C-ECHO and C-STORE of every storage class. One thread an association. Port and certificates are
/// taken at construction: Error(kUsage) when that fails.
class StoreServer {
 public:
  using Sink = std::function<void(const ReceivedObject&)>;  ///< any thread; an exception refuses the object
  using Log = std::function<void(const std::string&)>;      ///< any thread; never identifiers
  StoreServer(StoreServerOptions options, Sink sink, Log log = {});
  ~StoreServer();
  /// Until `stop`; running associations are then aborted.
  void run(std::stop_token stop);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The first `digits` of the SHA-256 of `identifier`: what stands for a UID in names and logs.
std::string pseudonym(const std::string& identifier, std::size_t digits = 16);

}  // namespace fovea::io
