// Several output files that appear together or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include <fovea/io/atomic_file.h>

#include "progress.h"

namespace fovea::pipeline {

/// Output files under temporary names, renamed together. On any failure or stop all temporaries vanish.
class OutputSet {
 public:
  explicit OutputSet(std::stop_token stop = {}) : stop_(std::move(stop)) {}
  void add(const std::filesystem::path& target, const std::function<void(const std::filesystem::path&)>& write) {
    throw_if_stopped(stop_);
    files_.push_back(std::make_unique<io::AtomicFile>(target));
    write(files_.back()->temporary());
  }
  std::vector<std::filesystem::path> commit() {
    throw_if_stopped(stop_);
    std::vector<std::filesystem::path> paths;
    for (const auto& file : files_) {
      file->commit();
      paths.push_back(file->target());
    }
    return paths;
  }

 private:
  std::stop_token stop_;
  std::vector<std::unique_ptr<io::AtomicFile>> files_;
};

}  // namespace fovea::pipeline
