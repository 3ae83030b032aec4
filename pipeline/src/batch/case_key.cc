#include "batch/case_key.h"

#include <algorithm>
#include <span>
#include <vector>

#include <sys/stat.h>

#include <fovea/io/hash.h>

namespace fovea::pipeline::batch {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (fs::recursive_directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored))
    if (entry->is_regular_file(ignored)) files.push_back(entry->path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::string CaseKeys::file_identity(const fs::path& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) return "absent";
  const std::string state = std::to_string(facts.st_size) + " " + std::to_string(facts.st_mtim.tv_sec) + "." +
                            std::to_string(facts.st_mtim.tv_nsec);
  if (!by_content_) return state;
  std::string& hash = hashes_[file.string() + "\n" + state];
  if (hash.empty()) hash = io::sha256_of_file(file);
  return hash;
}

std::string CaseKeys::identity_of(const fs::path& input) {
  std::error_code ignored;
  const fs::path companion = input.extension() == ".mrxs" ? fs::path(input).replace_extension() : fs::path{};
  const fs::path folder = companion.empty() ? input : companion;
  std::string identity = by_content_ ? "" : input.string() + " ";
  if (!fs::is_directory(input, ignored)) identity += file_identity(input);
  if (fs::is_directory(folder, ignored))
    for (const fs::path& file : files_below(folder))
      identity += "\n" + file.lexically_relative(folder).string() + " " + file_identity(file);
  return identity;
}

std::string CaseKeys::key_of(const Case& item) {
  const std::vector<Input> inputs = inputs_of(item.request);
  JobRequest values = item.request;
  if (by_content_) {  // where an input lies does not matter then
    for (const Input& input : inputs) values.values.erase(input.parameter);
  }
  std::string text = "fovea " + version() + "\n" + to_json(values) + "\n";
  for (const Input& input : inputs) text += input.parameter + " " + identity_of(input.path) + "\n";
  return io::sha256(std::as_bytes(std::span(text)));
}

}  // namespace fovea::pipeline::batch
