// Outputs of a module that appear together or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include <fovea/io/atomic_file.h>

namespace fovea::slicer {

class OutputFiles {
 public:
  /// Does nothing when `target` is empty: not asked for.
  void add(const std::filesystem::path& target, const std::function<void(const std::filesystem::path&)>& write) {
    if (target.empty()) return;
    files_.push_back(std::make_unique<io::AtomicFile>(target));
    write(files_.back()->temporary());
  }
  void add_copy(const std::filesystem::path& target, const std::filesystem::path& source) {
    add(target, [&](const std::filesystem::path& temporary) {
      io::write_guarded(target, [&] {
        std::filesystem::copy_file(source, temporary, std::filesystem::copy_options::overwrite_existing);
      });
    });
  }
  void commit() {
    for (const auto& file : files_) file->commit();
  }

 private:
  std::vector<std::unique_ptr<io::AtomicFile>> files_;
};

}  // namespace fovea::slicer
