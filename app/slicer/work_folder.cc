#include "work_folder.h"

#include <cerrno>
#include <charconv>
#include <string>

#include <signal.h>
#include <unistd.h>

#include <fovea/io/atomic_file.h>

namespace fovea::slicer {
namespace {

namespace fs = std::filesystem;

/// ".fovea-work-<host>-": ends with the process id.
std::string prefix() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return std::string(".fovea-work-") + host + "-";
}

bool is_left_over(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string(), start = prefix();
  if (name.rfind(start, 0) != 0 || !entry.is_directory() || entry.is_symlink()) return false;
  long process = 0;
  const char* last = name.data() + name.size();
  const auto [end, error] = std::from_chars(name.data() + start.size(), last, process);
  if (error != std::errc{} || end != last || process <= 0) return false;
  return ::kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH;
}

void remove_left_overs(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (is_left_over(entry)) fs::remove_all(entry.path(), ignored);
}

}  // namespace

WorkFolder::WorkFolder(const fs::path& output) {
  const fs::path parent = fs::absolute(output).parent_path();
  remove_left_overs(parent);
  path_ = parent / (prefix() + std::to_string(::getpid()));
  io::prepare_output_folder(path_);
}

WorkFolder::~WorkFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace fovea::slicer
