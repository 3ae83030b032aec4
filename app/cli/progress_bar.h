// Progress on a terminal (one line, with time left), in a log (one line per 5 %), or for programs (JSON lines).
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include <fovea/pipeline/job.h>

namespace fovea::cli {

enum class ProgressStyle { kTerminal, kLines, kJson, kNone };

/// Thread-safe. Writes to stderr (JSON: stdout).
class ProgressBar {
 public:
  explicit ProgressBar(ProgressStyle style) : style_(style) {}
  ~ProgressBar() { clear(); }
  void show(const pipeline::Progress& progress);
  void clear();  ///< removes the terminal line before something else is printed

 private:
  void show_terminal(const pipeline::Progress& progress);
  void show_line(const pipeline::Progress& progress);

  ProgressStyle style_;
  std::mutex mutex_;
  std::string stage_;
  int last_step_ = -1;
  bool line_shown_ = false;
};

}  // namespace fovea::cli
