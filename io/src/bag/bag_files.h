// The bag readers behind the table of read_bag.cc.
#pragma once

#include <fovea/io/bag.h>

namespace fovea::io {

FeatureBag read_hdf5_bag(const std::filesystem::path& path, const std::optional<std::string>& key);
FeatureBag read_weight_bag(const std::filesystem::path& path,
                           const std::optional<std::string>& key);  ///< .safetensors, .pt
FeatureBag read_npy_bag(const std::filesystem::path& path, const std::optional<std::string>& key);

/// Checks [N, D] and that coordinates, where known, are 2N. Throws Error with the file's name.
void check_bag(const std::filesystem::path& path, const FeatureBag& bag);

}  // namespace fovea::io
