// A reader of untrusted bytes. Each .cc of this folder defines one; libFuzzer or replay.cc drives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include <fovea/base/error.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fovea::fuzz {

/// Well-formed inputs to begin with.
std::vector<std::string> seeds();

/// The bytes as a file; what the reader says about them with fovea::Error is right, everything else is a finding.
inline void as_file(const std::uint8_t* data, std::size_t size,
                    const std::function<void(const std::filesystem::path&)>& read) {
  const int file = memfd_create("input", MFD_CLOEXEC);
  for (std::size_t done = 0; done < size;) {
    const ssize_t written = ::write(file, data + done, size - done);
    if (written <= 0) break;
    done += static_cast<std::size_t>(written);
  }
  try {
    read("/proc/self/fd/" + std::to_string(file));
  } catch (const Error&) {
  }
  ::close(file);
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// All bytes that `write` puts into a file.
inline std::string file_bytes(const std::function<void(const std::filesystem::path&)>& write) {
  std::string name = (std::filesystem::temp_directory_path() / "fovea-fuzz-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(name.data());
  write(folder / "seed");
  std::string bytes(std::filesystem::file_size(folder / "seed"), '\0');
  std::FILE* file = std::fopen((folder / "seed").c_str(), "rb");
  const std::size_t read = std::fread(bytes.data(), 1, bytes.size(), file);
  std::fclose(file);
  std::filesystem::remove_all(folder);
  bytes.resize(read);
  return bytes;
}

}  // namespace fovea::fuzz
