#include "core/helper.h"

#include <csignal>
#include <cstdlib>

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fovea/base/error.h>

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
constexpr int kFarewellMs = 500;

fs::path helper_program() {
  if (const char* named = std::getenv("FOVEA_SLIDE_READER")) return named;
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&helper_program), &here) != 0 && here.dli_fname) {
    const fs::path folder = fs::absolute(here.dli_fname).parent_path();
    const fs::path above = folder.parent_path();  // build/lib; an installed lib/fovea is one deeper
    for (const fs::path& place : {folder / "fovea-slide-reader", above / "bin" / "fovea-slide-reader",
                                  above.parent_path() / "bin" / "fovea-slide-reader"})
      if (fs::exists(place)) return place;
  }
  throw Error(ErrorCode::kNotFound, "fovea-slide-reader", "the helper program that decodes files is not there",
              "Install Fovea again, or run without --isolate.");
}

/// Descriptors of ours must not carry the numbers that the child's get, or dup2 would close one with the other.
int out_of_the_way(int descriptor) {
  const int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 16);
  ::close(descriptor);
  if (moved < 0) throw Error(ErrorCode::kInternal, "decoder", "too many open files", "Raise ulimit -n.");
  return moved;
}

}  // namespace

HelperEnds make_helper_ends() {
  int sockets[2];
  const int memory = memfd_create("fovea-region", MFD_CLOEXEC);
  if (memory < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    if (memory >= 0) ::close(memory);
    throw Error(ErrorCode::kInternal, "decoder", "too many open files", "Raise ulimit -n.");
  }
  return {out_of_the_way(sockets[0]), out_of_the_way(sockets[1]), out_of_the_way(memory)};
}

/// The child gets its ends of socket and memory under fixed numbers, and no signal mask of ours.
pid_t start_helper(const char* role, const HelperEnds& ends) {
  const fs::path program = helper_program();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends.theirs, kHelperSocket);
  posix_spawn_file_actions_adddup2(&actions, ends.memory, kHelperMemory);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::string name = program.string();
  std::string what = role;
  char* arguments[] = {name.data(), what.data(), nullptr};
  pid_t child = -1;
  const int failed = posix_spawn(&child, name.c_str(), &actions, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0)
    throw Error(ErrorCode::kInternal, program.filename().string(), "the helper program cannot be started",
                "Check that it may be executed, or run without --isolate.");
  return child;
}

int end_helper(pid_t child, bool alive) {
  int status = 0;
  for (int i = 0; i < kFarewellMs; ++i) {
    if (waitpid(child, &status, WNOHANG) == child) return status;
    if (alive) break;
    usleep(1000);
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return status;
}

std::string helper_end_words(int status) {
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) return "took more processor time than it may";
  if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
    return "crashed with signal " + std::to_string(WTERMSIG(status));
  return WIFEXITED(status) ? "ended with code " + std::to_string(WEXITSTATUS(status)) : "did not answer";
}

}  // namespace fovea::io
