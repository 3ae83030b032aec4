// The DICOM JSON model (PS3.18 F) as far as answers of QIDO-RS and STOW-RS need it. Whatever is not as it should be is
// empty: servers differ.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace fovea::io::dicomweb {

/// The objects of an answer; empty text and null are none. Error(kCorrupt) when it is no JSON, or nests deeper than any
/// data set.
std::vector<nlohmann::json> data_sets(std::string_view text);
/// The values of "0020000D" as UTF-8 text, joined by backslashes: alphabetic names, numbers as digits. Control
/// characters, which are none of a terminal's, are '?'.
std::string text_of(const nlohmann::json& data_set, const char* tag);
/// -1 when there is none.
std::int64_t count_of(const nlohmann::json& data_set, const char* tag);
/// The items of a sequence.
std::vector<nlohmann::json> items_of(const nlohmann::json& data_set, const char* tag);

}  // namespace fovea::io::dicomweb
