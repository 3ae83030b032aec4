// A zip archive of stored members, each starting on a 64-byte boundary, as torch.save lays them out. Members may be
// larger than memory and than 4 GiB (zip64).
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace fovea::io {

/// Writes to a file that exists; std::ios_base::failure when the disk does not take it.
class ZipWriter {
 public:
  explicit ZipWriter(const std::filesystem::path& file);
  /// Announces a member of exactly `size` bytes; write() then gives them in pieces.
  void begin(const std::string& name, std::uint64_t size);
  void write(std::span<const char> bytes);
  void add(const std::string& name, const std::string& bytes);
  /// The directory at the end.
  void finish();

 private:
  struct Member {
    std::string name;
    std::uint64_t size = 0, offset = 0;
    std::uint32_t checksum = 0;
  };
  void end_member();
  void put(const std::string& bytes);

  std::ofstream stream_;
  std::vector<Member> members_;
  std::uint64_t position_ = 0, left_ = 0;
  bool open_ = false;
};

}  // namespace fovea::io
