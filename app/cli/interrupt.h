// Ctrl-C and SIGTERM as a stop request.
#pragma once

#include <stop_token>
#include <thread>

namespace fovea::cli {

/// Construct before any other thread starts: blocks the signals everywhere and waits for them in a thread of its own,
/// where a stop can be requested safely. A job that has not ended two seconds later is ended here, its temporary files
/// removed first.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  std::stop_token token() const { return source_.get_token(); }

 private:
  void wait(std::stop_token end);
  std::stop_source source_;
  std::jthread waiter_;
};

}  // namespace fovea::cli
