// What a job changes around itself and puts back: thread counts of the process, an output folder that stays only with a
// result in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include <ATen/Parallel.h>
#include <oneapi/tbb/global_control.h>

#include <fovea/io/atomic_file.h>

namespace fovea::pipeline {

/// Thread counts of LibTorch and oneTBB are settings of the process. `wanted` <= 0 leaves them.
class ThreadCount {
 public:
  explicit ThreadCount(std::int64_t wanted) : before_(at::get_num_threads()) {
    if (wanted <= 0) return;
    at::set_num_threads(static_cast<int>(wanted));
    tbb_.emplace(oneapi::tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(wanted));
  }
  ~ThreadCount() { at::set_num_threads(before_); }

 private:
  int before_;
  std::optional<oneapi::tbb::global_control> tbb_;
};

/// Removes the output folder again when this run made it and ends without a result.
class OutputFolder {
 public:
  explicit OutputFolder(std::filesystem::path folder)
      : folder_(std::move(folder)), existed_(std::filesystem::exists(folder_)) {
    io::prepare_output_folder(folder_);
  }
  ~OutputFolder() {
    std::error_code ignored;
    if (!existed_) std::filesystem::remove(folder_, ignored);  // only succeeds on an empty folder
  }

 private:
  std::filesystem::path folder_;
  bool existed_;
};

}  // namespace fovea::pipeline
