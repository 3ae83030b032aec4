// A PACS over DICOMweb: QIDO-RS finds, WADO-RS retrieves, STOW-RS stores. What comes is untrusted as in pacs.h, and no
// message holds a URL's path: UIDs and patients' names stand in it.
#pragma once

#include <fovea/io/pacs.h>

namespace fovea::io {

struct WebPeer {
  std::string url;                             ///< of the DICOMweb root: "https://pacs.example/dicom-web"
  std::string token;                           ///< bearer token; empty = none
  std::string user, password;                  ///< basic authentication; empty user = none
  std::filesystem::path ca, certificate, key;  ///< PEM; empty `ca`: the system's authorities
  int timeout_s = 30;                          ///< of the connection, and of every silence after it
  int attempts = 4;                            ///< of a request that the server is too busy for, or whose line breaks
  std::string address() const;                 ///< scheme, host and port: all of the URL that is for messages
};

// Errors of all calls: kUsage (URL, certificate, credentials over plain HTTP to another machine), kNotFound (no
// connection, no such resource, no answer in time), kUnsupported (refused, or not DICOMweb), kCorrupt (an answer that
// contradicts itself), kOutOfMemory (a limit), kCancelled. Certificates are always verified, names included; redirects
// are not followed.

/// QIDO-RS, page by page. Patients are put together from their studies: DICOMweb does not list them.
PacsMatches web_find(const WebPeer& peer, const PacsQuery& query, std::stop_token stop = {});

/// WADO-RS of a series into `folder`, which appears when everything has arrived. Instances come one by one into its
/// hidden neighbour `.<name>.part`, which stays when something fails: what is in it is not fetched again. Every object
/// must be the one asked for. `objects` and `bytes` count what came now, `kept` what was there.
struct WebRetrieved {
  std::int64_t objects = 0, bytes = 0, kept = 0;
};
WebRetrieved web_get(const WebPeer& peer, const std::string& study_uid, const std::string& series_uid,
                     const std::filesystem::path& folder, const PacsLimits& limits = {},
                     const PacsProgress& progress = {}, std::stop_token stop = {});

/// STOW-RS, a request a file, sent as they are. One outcome a file, in their order; when the server cannot be reached
/// or does not let us in, the rest is not tried.
std::vector<PacsStored> web_store(const WebPeer& peer, const std::vector<std::filesystem::path>& files,
                                  const PacsProgress& progress = {}, std::stop_token stop = {});

}  // namespace fovea::io
