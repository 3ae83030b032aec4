#include "mri/study.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include <fovea/io/volume.h>

namespace fovea::pipeline::mri {
namespace {

constexpr std::int64_t kLeastSlices = 8;

/// Lower case; what is no letter, digit, * or + is a blank, and so are both ends.
std::string words_of(const std::string& text) {
  std::string words = " ";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    const bool kept = u < 128 && (std::isalnum(u) || c == '*' || c == '+');
    words += kept ? static_cast<char>(std::tolower(u)) : ' ';
  }
  return words + " ";
}

struct Signs {
  std::vector<std::string> any, none;  ///< parts of words_of; blanks mark the ends of words
};
const std::map<std::string, Signs> kSigns{
    {"swan", {{" swan", " swi", " t2*", "t2star", " gre t2", " fl2d t2", "hemo"}, {"phase", "mip", " pha ", "map"}}},
    {"dwi", {{" dwi", " diff", "b1000", "trace", "_diff", "diffusion"}, {" adc", "apparent", "exponential", " fa "}}},
    {"adc", {{" adc", "apparent"}, {"exponential"}}},
    {"flair", {{"flair"}, {}}},
    {"tof", {{" tof", "angio", " mra "}, {"mip"}}},
    {"t1ce", {{"t1ce", "t1c ", "t1 c ", " gd", "+c", "post", "gado"}, {"t2", "flair"}}},
    {"t1", {{" t1", "mprage", "bravo", " spgr"}, {" gd", "+c", "post", "gado", "t1c", "flair"}}},
    {"t2", {{" t2"}, {"flair", "t2*", "t2star", "swi"}}},
};

bool holds_any(const std::string& words, const std::vector<std::string>& signs) {
  return std::any_of(signs.begin(), signs.end(),
                     [&](const std::string& sign) { return words.find(sign) != std::string::npos; });
}

}  // namespace

bool names_modality(const std::string& description, const std::string& modality) {
  const std::string words = words_of(description);
  const auto signs = kSigns.find(modality);
  if (signs == kSigns.end()) return words.find(" " + modality + " ") != std::string::npos;
  return holds_any(words, signs->second.any) && !holds_any(words, signs->second.none);
}

std::string series_of_modality(const std::filesystem::path& folder, const std::string& modality) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) return {};
  const std::vector<io::SeriesInfo> all = io::list_series(folder);
  if (all.size() < 2) return {};
  std::string found;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].modality != "MR" || all[i].geometry.size[2] < kLeastSlices ||
        !names_modality(all[i].description, modality))
      continue;
    if (!found.empty()) return {};
    found = std::to_string(i + 1);
  }
  return found;
}

}  // namespace fovea::pipeline::mri
