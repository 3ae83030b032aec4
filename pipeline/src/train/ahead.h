// Things made ahead of their use by worker threads and handed out in order, whichever is finished first: what a step
// sees does not depend on how many threads prepared it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace fovea::pipeline::train {

template <class T>
class Ahead {
 public:
  /// `make(i)` for i from `first` to below `end`, called in several threads; at most `depth` wait to be taken.
  Ahead(std::int64_t first, std::int64_t end, std::size_t workers, std::int64_t depth,
        std::function<T(std::int64_t)> make)
      : next_made_(first), next_taken_(first), end_(end), depth_(depth), make_(std::move(make)) {
    for (std::size_t i = 0; i < workers; ++i)
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
  ~Ahead() {
    for (std::jthread& thread : threads_) thread.request_stop();
    changed_.notify_all();
  }
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;

  /// The next in order. Throws what making it threw.
  T next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return made_.contains(next_taken_); });
    auto node = made_.extract(next_taken_++);
    changed_.notify_all();
    if (node.mapped().problem) std::rethrow_exception(node.mapped().problem);
    return std::move(node.mapped().thing);
  }

 private:
  struct Made {
    T thing{};
    std::exception_ptr problem;
  };

  void work(const std::stop_token& stop) {
    for (;;) {
      std::int64_t index = 0;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, stop, [&] { return next_made_ >= end_ || next_made_ < next_taken_ + depth_; });
        if (stop.stop_requested() || next_made_ >= end_) return;
        index = next_made_++;
      }
      Made made;
      try {
        made.thing = make_(index);
      } catch (...) {
        made.problem = std::current_exception();
      }
      const std::lock_guard lock(mutex_);
      made_.emplace(index, std::move(made));
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::int64_t next_made_, next_taken_, end_, depth_;
  std::function<T(std::int64_t)> make_;
  std::map<std::int64_t, Made> made_;
  std::vector<std::jthread> threads_;  ///< last: they use all the others
};

}  // namespace fovea::pipeline::train
