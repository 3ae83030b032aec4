// What an object of ours takes over from the source it was made of.
#pragma once

#include <string>
#include <vector>

class DcmDataset;

namespace fovea::io {

/// Removes attributes of patient, study and series that break their own rules (an age "42" is to be "042Y"): they would
/// fail the whole object. UIDs stay: without them there is no study to belong to. Returns the names.
std::vector<std::string> drop_invalid(DcmDataset& dataset);

}  // namespace fovea::io
