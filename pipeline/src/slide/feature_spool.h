// Features on their way to a bag file: written to disk as they arrive and mapped at the end, so that memory does not
// grow with N.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include <fovea/io/array.h>
#include <fovea/io/atomic_file.h>

namespace fovea::pipeline::slide {

class FeatureSpool {
 public:
  /// A temporary file beside `target`; gone when the object goes.
  explicit FeatureSpool(const std::filesystem::path& target);
  ~FeatureSpool();
  void append(const float* rows, std::int64_t count, std::int64_t width);
  /// One row where it belongs; every place must have been filled by the end.
  void place(std::int64_t row, const float* values, std::int64_t width);
  /// [N, width] float32, mapped; valid as long as the array's owner lives.
  io::Array finish();

 private:
  [[noreturn]] void fail() const;
  void write_at(std::int64_t row, const float* rows, std::int64_t count, std::int64_t width);
  io::AtomicFile file_;  // never committed: used for its temporary name and its clean-up
  int descriptor_ = -1;
  std::int64_t rows_ = 0, width_ = 0;
};

}  // namespace fovea::pipeline::slide
