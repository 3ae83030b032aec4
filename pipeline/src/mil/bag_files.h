// The bags of a folder or file by slide name.
#pragma once

#include <map>

#include "mil/data_set.h"

namespace fovea::pipeline::mil {

/// By name. Of one slide's files the HDF5 file is taken (it holds coordinates), then .pt, .safetensors, .npy.
/// Error(kNotFound) for a path that is not there or holds no bag.
std::map<std::string, BagFile> find_bags(const std::filesystem::path& bags);

}  // namespace fovea::pipeline::mil
