// What `--model` may name: one file, or a folder of networks whose results are joined.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model_store.h"

namespace fovea::pipeline::mri {

/// Weight files of a model: itself, or model.onnx of a Raidionics folder, or those of its fold sub-folders in name
/// order, or those of all seeds and folds of a folder that `mri train` made.
std::vector<std::filesystem::path> model_files(const std::filesystem::path& model);

/// The first of them with what describes them all: a Raidionics folder's own ini, else the file's metadata. `files`: of
/// model_files, not empty.
LoadedSegmentation load_first(const std::filesystem::path& model, const std::vector<std::filesystem::path>& files);

/// SHA-256 of the weights, of all of them together where they are several. Every network is opened for it.
std::string checked_sha256(const std::filesystem::path& model);

}  // namespace fovea::pipeline::mri
