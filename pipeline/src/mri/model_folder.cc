#include "mri/model_folder.h"

#include <algorithm>
#include <span>
#include <system_error>

#include <fovea/io/hash.h>

#include "folder_listing.h"

namespace fovea::pipeline::mri {
namespace {

/// A folder's own `*.safetensors`, and the networks one folder further down, by name.
std::vector<std::filesystem::path> networks_in(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::path> networks;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    for (const fs::path& file : {entry->path(), entry->path() / "model.onnx", entry->path() / "model.safetensors"})
      if ((file != entry->path() || file.extension() == ".safetensors") && fs::is_regular_file(file, error))
        networks.push_back(file);
  std::sort(networks.begin(), networks.end());
  return networks;
}

/// What `mri train` leaves: seed_*/fold_*/model.safetensors.
std::vector<std::filesystem::path> networks_of_run(const std::filesystem::path& run) {
  std::vector<std::filesystem::path> networks;
  for (const std::filesystem::path& seed : children(run)) {
    if (!seed.filename().string().starts_with("seed_")) continue;
    const std::vector<std::filesystem::path> folds = networks_in(seed);
    networks.insert(networks.end(), folds.begin(), folds.end());
  }
  return networks;
}

}  // namespace

std::vector<std::filesystem::path> model_files(const std::filesystem::path& model) {
  std::error_code error;
  if (!std::filesystem::is_directory(model, error) || std::filesystem::is_regular_file(model / "model.onnx", error))
    return {model};
  std::vector<std::filesystem::path> networks = networks_in(model);
  if (networks.empty()) networks = networks_of_run(model);
  if (networks.empty()) return {model};  // the model store says what is missing
  return networks;
}

LoadedSegmentation load_first(const std::filesystem::path& model, const std::vector<std::filesystem::path>& files) {
  const bool bare = files.front().extension() == ".safetensors";  // nothing in the folder describes them
  return load_segmentation(bare ? files.front() : model);
}

std::string checked_sha256(const std::filesystem::path& model) {
  const std::vector<std::filesystem::path> files = model_files(model);
  std::string all = load_first(model, files).description.sha256;
  if (files.size() == 1) return all;
  for (std::size_t i = 1; i < files.size(); ++i) all += load_segmentation(files[i]).description.sha256;
  return io::sha256(std::as_bytes(std::span(all)));
}

}  // namespace fovea::pipeline::mri
