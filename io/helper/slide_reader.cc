// fovea-slide-reader: reads one slide for another process, so that a decoder that crashes takes nothing else with it.
#include <csignal>

#include <sys/resource.h>

#include "wsi/slide_channel.h"

namespace {

constexpr rlim_t kMostMemory = rlim_t{8} << 30;  // of address space: a damaged size must not eat the machine

void limit(__rlimit_resource what, rlim_t most) {
  const rlimit limits{most, most};
  setrlimit(what, &limits);
}

}  // namespace

int main() {
  limit(RLIMIT_AS, kMostMemory);
  limit(RLIMIT_CORE, 0);
  // Ctrl-C reaches the whole group; the process that asked decides what it means.
  for (const int signal : {SIGINT, SIGHUP, SIGQUIT}) std::signal(signal, SIG_IGN);
  return fovea::io::serve_slide(fovea::io::kHelperSocket, fovea::io::kHelperMemory, fovea::io::open_slide);
}
