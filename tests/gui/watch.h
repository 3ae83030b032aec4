// A watch on the window's thread: how long each event holds it, and whether the program or the machine was to blame.
#pragma once

#include <QApplication>
#include <QByteArray>
#include <QEvent>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fovea::gui::test {

inline double wall_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double thread_cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

/// How long the kernel has let the calling thread wait for a processor while it could have run (schedstat).
class ProcessorWait {
 public:
  ProcessorWait() {
    const std::string path = "/proc/self/task/" + std::to_string(syscall(SYS_gettid)) + "/schedstat";
    file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  }
  ~ProcessorWait() {
    if (file_ >= 0) ::close(file_);
  }
  ProcessorWait(const ProcessorWait&) = delete;
  ProcessorWait& operator=(const ProcessorWait&) = delete;

  double ms() const {  ///< 0 always where the kernel does not tell
    char text[128];
    const ssize_t length = file_ < 0 ? -1 : ::pread(file_, text, sizeof text - 1, 0);
    if (length <= 0) return 0;
    text[length] = 0;
    unsigned long long ran = 0, waited = 0;
    return std::sscanf(text, "%llu %llu", &ran, &waited) == 2 ? static_cast<double>(waited) / 1e6 : 0;
  }

 private:
  int file_;
};

/// A thread that only ticks. Where it is late, the machine was busy elsewhere.
class ControlThread {
 public:
  ControlThread()
      : thread_([this](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            const double begin = wall_ms();
            std::this_thread::sleep_for(std::chrono::milliseconds(kTickMs));
            const double end = wall_ms();
            const std::lock_guard lock(mutex_);
            last_ = end;
            if (end - begin > kTickMs + kLateMs) late_.push_back({begin + kTickMs, end});
          }
        }) {}

  /// The longest that it was late between two times.
  double worst_ms(double from, double to) {
    const std::lock_guard lock(mutex_);
    double worst = std::max(0.0, to - last_ - kTickMs);  // late just now
    for (const auto& [begin, end] : late_)
      if (end > from && begin < to) worst = std::max(worst, end - begin);
    return worst;
  }

 private:
  static constexpr int kTickMs = 2, kLateMs = 4;
  std::mutex mutex_;
  double last_ = wall_ms();
  std::vector<std::pair<double, double>> late_;
  std::jthread thread_;
};

/// Measures every event that the window's thread handles. Made on that thread.
class WatchedApplication : public QApplication {
 public:
  using QApplication::QApplication;

  bool notify(QObject* receiver, QEvent* event) override {
    if (depth_++ > 0) {
      const bool inner = QApplication::notify(receiver, event);
      --depth_;
      return inner;
    }
    // Taken now: the receiver may be gone afterwards.
    const QByteArray who =
        QByteArray(receiver->metaObject()->className()) + " event " + QByteArray::number(event->type());
    const double begin = wall_ms(), cpu_begin = thread_cpu_ms(), waited_begin = waited_.ms();
    const bool handled = QApplication::notify(receiver, event);
    --depth_;
    const double end = wall_ms(), cpu = thread_cpu_ms() - cpu_begin;
    // Time without a processor is the machine's; what is left was computed, or waited for a file or a lock.
    const double held = end - begin - (waited_.ms() - waited_begin);
    const bool starved = control_.worst_ms(begin, end) > held / 2;
    worst_wall_ms = std::max(worst_wall_ms, end - begin);
    worst_cpu_ms = std::max(worst_cpu_ms, cpu);
    if (const double block = starved ? cpu : held; block > worst_block_ms) worst_block_ms = block, worst_event = who;
    return handled;
  }
  void reset() { worst_cpu_ms = worst_wall_ms = worst_block_ms = 0, worst_event.clear(); }

  double worst_cpu_ms = 0, worst_wall_ms = 0;
  double worst_block_ms = 0;  ///< wall time of an event less what the machine took; its processor time at least
  QByteArray worst_event;     ///< the one of worst_block_ms

 private:
  ProcessorWait waited_;
  ControlThread control_;
  int depth_ = 0;
};

}  // namespace fovea::gui::test
