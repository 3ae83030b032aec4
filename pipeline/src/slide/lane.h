// A stage of the streaming graph on its own thread, handing items over a bounded queue.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace fovea::pipeline::slide {

/// Runs `body` on a thread of its own (LibTorch keeps one worker pool per calling thread, so a stage must not wander
/// between threads). `body` yields items in order; the consumer takes them with next(), which also rethrows what body
/// threw.
template <class T>
class Lane {
 public:
  /// False when the consumer has gone: body should return.
  using Yield = std::function<bool(T)>;

  Lane(std::size_t capacity, std::function<void(const Yield&)> body)
      : capacity_(capacity), thread_([this, body = std::move(body)] { run(body); }) {}
  ~Lane() {
    close();
    thread_.join();
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// The next item; nothing after the last one.
  std::optional<T> next() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return !items_.empty() || ended_; });
    if (!items_.empty()) {
      T item = std::move(items_.front());
      items_.pop_front();
      free_.notify_one();
      return item;
    }
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return std::nullopt;
  }
  /// Tells body that nobody will take further items.
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    free_.notify_all();
  }

 private:
  void run(const std::function<void(const Yield&)>& body) {
    std::exception_ptr error;
    try {
      body([this](T item) { return put(std::move(item)); });
    } catch (...) {
      error = std::current_exception();
    }
    std::lock_guard lock(mutex_);
    error_ = error, ended_ = true;
    ready_.notify_all();
  }
  bool put(T item) {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [&] { return items_.size() < capacity_ || closed_; });
    if (closed_) return false;
    items_.push_back(std::move(item));
    ready_.notify_one();
    return true;
  }

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable ready_, free_;
  std::deque<T> items_;
  std::exception_ptr error_;
  bool closed_ = false, ended_ = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace fovea::pipeline::slide
