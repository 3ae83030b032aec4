#include "mil/bag_files.h"

#include <algorithm>
#include <array>
#include <system_error>

#include <fovea/base/error.h>
#include <fovea/io/bag.h>

#include "mil/csv_bags.h"

namespace fovea::pipeline::mil {
namespace {

namespace fs = std::filesystem;
constexpr std::array kExtensions{".h5", ".hdf5", ".pt", ".safetensors", ".npy"};

std::optional<std::size_t> rank_of(const fs::path& file) {
  const auto found = std::find(kExtensions.begin(), kExtensions.end(), file.extension().string());
  if (found == kExtensions.end()) return {};
  return static_cast<std::size_t>(found - kExtensions.begin());
}

void add_folder(const fs::path& folder, std::map<std::string, BagFile>& bags) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& file = entry.path();
    const auto rank = rank_of(file);
    // A leading dot: half-written files of a run in progress.
    if (!rank || !entry.is_regular_file() || file.filename().string().front() == '.') continue;
    const auto [at, is_new] = bags.try_emplace(file.stem().string(), BagFile{file, {}});
    if (!is_new && *rank < *rank_of(at->second.file)) at->second.file = file;
  }
}

}  // namespace

std::map<std::string, BagFile> find_bags(const fs::path& bags) {
  std::error_code ignored;
  const auto status = fs::status(bags, ignored);
  if (!fs::exists(status))
    throw Error(ErrorCode::kNotFound, bags.string(), "there is no such folder or file", "Check --bags.");
  std::map<std::string, BagFile> found;
  if (fs::is_directory(status)) {
    add_folder(bags, found);
    for (const char* inner : {"h5_files", "pt_files", "features"})
      if (found.empty() && fs::is_directory(bags / inner)) add_folder(bags / inner, found);
  } else if (is_csv_bags(bags)) {
    for (const std::string& name : csv_bag_names(bags)) found.emplace(name, BagFile{bags, name});
  } else {
    for (const std::string& name : io::list_bags(bags)) found.emplace(name, BagFile{bags, name});
    if (found.empty()) found.emplace(bags.stem().string(), BagFile{bags, {}});
  }
  if (found.empty())
    throw Error(ErrorCode::kNotFound, bags.filename().string(), "it holds no feature files",
                "Give the folder with one .h5, .pt, .safetensors or .npy file for each slide.");
  return found;
}

}  // namespace fovea::pipeline::mil
