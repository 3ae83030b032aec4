#include "interrupt.h"

#include <cstdio>

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <fovea/io/atomic_file.h>

namespace fovea::cli {
namespace {

constexpr int kCancelledExitCode = 130;
constexpr int kGraceTicks = 19;  // of 100 ms: under the two seconds that are promised

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

/// True when one of the signals came within 100 ms.
bool signal_came(const sigset_t& set) {
  const timespec tick{0, 100'000'000};
  return sigtimedwait(&set, nullptr, &tick) > 0;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGXFSZ, SIG_IGN);  // a file size limit is then a failed write, which we can say
  waiter_ = std::jthread([this](std::stop_token end) { wait(end); });
}

InterruptGuard::~InterruptGuard() = default;

void InterruptGuard::wait(std::stop_token end) {
  const sigset_t set = stop_signals();
  while (!end.stop_requested() && !signal_came(set)) {
  }
  if (end.stop_requested()) return;
  source_.request_stop();
  for (int tick = 0; tick < kGraceTicks && !end.stop_requested(); ++tick)
    if (signal_came(set)) break;  // a second Ctrl-C does not wait
  if (end.stop_requested()) return;
  io::discard_live_temporaries();
  std::fputs("\nfovea: cancelled; no partial output was left.\n", stderr);
  _exit(kCancelledExitCode);
}

}  // namespace fovea::cli
