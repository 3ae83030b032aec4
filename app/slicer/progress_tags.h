// Progress in the tags that 3D Slicer looks for on a module's stdout.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include <fovea/pipeline/job.h>

namespace fovea::slicer {

/// Thread-safe. Starts with 0, never goes back, at most ten tags a second besides the names of stages; finish() ends
/// with 1. Each message is one write: a reader never sees half a tag.
class ProgressTags {
 public:
  /// `share`: how much of the bar the job itself takes.
  explicit ProgressTags(double share) : share_(share) {}
  void start(const std::string& title);
  void show(const pipeline::Progress& progress);
  void finish();

 private:
  void stage(const std::string& name, const std::string& comment);
  void end_stage();
  void fraction(double value);

  using Clock = std::chrono::steady_clock;
  std::mutex mutex_;
  double share_, shown_ = -1;
  std::string stage_, comment_;
  Clock::time_point stage_began_{}, last_{};
};

/// Bytes of `text` that may stand inside a tag: no '<', no control characters, at most 1000.
std::string tag_text(const std::string& text);

/// All of `text` to stdout in one write where the kernel takes it.
void say(const std::string& text);

}  // namespace fovea::slicer
