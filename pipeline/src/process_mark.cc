#include "process_mark.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace fovea::pipeline {
namespace {

std::string text_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

std::string machine_mark() {
  std::string boot = text_of("/proc/sys/kernel/random/boot_id");
  boot.erase(std::remove(boot.begin(), boot.end(), '\n'), boot.end());
  std::error_code none;
  return boot.empty() ? std::string{} : boot + " " + std::filesystem::read_symlink("/proc/self/ns/pid", none).string();
}

std::string birth_of(std::int64_t process) {
  const std::string facts = text_of("/proc/" + std::to_string(process) + "/stat");
  const auto name_end = facts.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos || facts.compare(name_end, 3, ") Z") == 0) return {};
  std::size_t at = name_end;
  for (int field = 0; field < 20 && at != std::string::npos; ++field) at = facts.find(' ', at + 1);
  return at == std::string::npos ? std::string{} : facts.substr(at + 1, facts.find(' ', at + 1) - at - 1);
}

}  // namespace fovea::pipeline
