#include "installed_files.h"

#include <cstdlib>
#include <system_error>

namespace fovea::pipeline {

namespace fs = std::filesystem;

std::vector<fs::path> installed_folders(const char* variable, const std::string& shared, const std::string& fetched) {
  std::vector<fs::path> folders;
  if (const char* from_environment = std::getenv(variable)) folders.emplace_back(from_environment);
  std::error_code no_proc;
  const fs::path executable = fs::read_symlink("/proc/self/exe", no_proc);
  if (no_proc) return folders;
  folders.push_back(executable.parent_path().parent_path() / "share/fovea" / shared);
  // <repository>/build/bin/fovea and <repository>/build-x/tests/...: the repository is one of the next few parents.
  fs::path folder = executable.parent_path();
  for (int up = 0; up < 4 && folder.has_relative_path(); ++up, folder = folder.parent_path())
    folders.push_back(folder / ".deps" / fetched);
  return folders;
}

std::optional<fs::path> find_installed(const char* variable, const std::string& name, const std::string& file) {
  std::error_code ignored;
  for (const fs::path& folder : installed_folders(variable, name, name))
    if (fs::is_regular_file(folder / file, ignored)) return folder;
  return {};
}

}  // namespace fovea::pipeline
