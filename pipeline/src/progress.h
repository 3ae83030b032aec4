// Progress with time left, and the one place that turns a stop request into Error(kCancelled).
#pragma once

#include <chrono>
#include <mutex>
#include <stop_token>
#include <string>

#include <fovea/base/error.h>
#include <fovea/pipeline/job.h>

namespace fovea::pipeline {

inline void throw_if_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "", "cancelled; no partial output was left");
}

/// Thread-safe. Reports at most about 20 times a second; the time left is extrapolated from this stage alone.
class ProgressMeter {
 public:
  ProgressMeter(ProgressSink sink, std::stop_token stop) : sink_(std::move(sink)), stop_(std::move(stop)) {}

  /// A new stage that covers [from, to] of the whole job.
  void stage(std::string name, double from, double to) {
    throw_if_stopped(stop_);
    std::lock_guard lock(mutex_);
    stage_ = std::move(name), from_ = from, to_ = to;
    start_ = last_ = Clock::now();
    emit(0, -1, {}, {});
  }
  /// `done` in 0..1 of the stage.
  void advance(double done, const std::string& note = {}, const std::string& data = {}) {
    throw_if_stopped(stop_);
    std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    if (note.empty() && done < 1 && now - last_ < std::chrono::milliseconds(50)) return;
    last_ = now;
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    emit(done, done > 0.01 ? elapsed / done * (1 - done) : -1, note, data);
  }
  const std::stop_token& stop() const { return stop_; }

 private:
  using Clock = std::chrono::steady_clock;
  void emit(double done, double eta, const std::string& note, const std::string& data) {
    if (sink_) sink_({stage_, from_ + (to_ - from_) * done, eta, note, data});
  }
  ProgressSink sink_;
  std::stop_token stop_;
  std::mutex mutex_;
  std::string stage_;
  double from_ = 0, to_ = 1;
  Clock::time_point start_ = Clock::now(), last_ = start_;
};

}  // namespace fovea::pipeline
