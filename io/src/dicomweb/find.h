// A listing of QIDO-RS with all its pages.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "dicomweb/http.h"

namespace fovea::io::dicomweb {

struct Listing {
  std::vector<nlohmann::json> sets;
  bool cut = false;  ///< there are more than were wanted
};

/// Data sets below `path` that match `keys`, each UID of `uid_tag` once.
Listing list(Http& http, const std::string& path, std::vector<std::pair<std::string, std::string>> keys,
             const char* uid_tag, std::size_t most);

}  // namespace fovea::io::dicomweb
