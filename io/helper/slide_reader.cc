// fovea-slide-reader: reads one slide or volume for another process, so that a decoder that crashes takes nothing else
// with it. Its argument says which.
#include <csignal>
#include <cstring>

#include <sys/resource.h>

#include "volume/isolated_volume.h"
#include "wsi/slide_channel.h"

namespace {

constexpr rlim_t kMostMemory = rlim_t{8} << 30;  // of address space: a damaged size must not eat the machine

void limit(__rlimit_resource what, rlim_t most) {
  const rlimit limits{most, most};
  setrlimit(what, &limits);
}

}  // namespace

int main(int count, char** arguments) {
  // Ctrl-C reaches the whole group; the process that asked decides what it means.
  for (const int signal : {SIGINT, SIGHUP, SIGQUIT}) std::signal(signal, SIG_IGN);
  if (count > 1 && std::strcmp(arguments[1], "volume") == 0)
    return fovea::io::serve_volume(fovea::io::kHelperSocket, fovea::io::kHelperMemory);
  limit(RLIMIT_AS, kMostMemory);
  limit(RLIMIT_CORE, 0);
  return fovea::io::serve_slide(fovea::io::kHelperSocket, fovea::io::kHelperMemory, fovea::io::open_slide);
}
