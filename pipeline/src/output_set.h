// Several output files that appear together or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include <fovea/io/atomic_file.h>

namespace fovea::pipeline {

/// Output files under temporary names, renamed together. On any failure all temporaries vanish.
class OutputSet {
 public:
  void add(const std::filesystem::path& target, const std::function<void(const std::filesystem::path&)>& write) {
    files_.push_back(std::make_unique<io::AtomicFile>(target));
    write(files_.back()->temporary());
  }
  std::vector<std::filesystem::path> commit() {
    std::vector<std::filesystem::path> paths;
    for (const auto& file : files_) {
      file->commit();
      paths.push_back(file->target());
    }
    return paths;
  }

 private:
  std::vector<std::unique_ptr<io::AtomicFile>> files_;
};

}  // namespace fovea::pipeline
