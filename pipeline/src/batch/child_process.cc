#include "batch/child_process.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fovea/base/error.h>

#include "progress.h"

namespace fovea::pipeline::batch {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kTickMs = 50;
constexpr auto kGrace = std::chrono::milliseconds(1200);
constexpr std::size_t kErrorsKept = 4000, kLongestLine = 1 << 24;

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void reset(int number) { close(), number_ = number; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  int get() const { return number_; }

 private:
  int number_ = -1;
};

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw Error(ErrorCode::kInternal, "child process", "too many open files", "Raise ulimit -n.");
    read.reset(ends[0]), write.reset(ends[1]);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
  Descriptor read, write;
};

void fill(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written <= 0) throw Error(ErrorCode::kOutOfMemory, "child process", "there is no memory for its input", "");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  ::lseek(file, 0, SEEK_SET);
}

class Child {
 public:
  explicit Child(const ChildCall& call) : call_(call), input_(::memfd_create("input", MFD_CLOEXEC)) {
    fill(input_.get(), call.input);
    start();
    out_.write.close(), err_.write.close();
  }
  ~Child() {
    if (process_ < 0) return;
    ::kill(-process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  ChildEnd run() {
    int status = 0;
    for (bool ended = false; !ended;) {
      std::array<pollfd, 2> ready{{{out_.read.get(), POLLIN, 0}, {err_.read.get(), POLLIN, 0}}};
      ::poll(ready.data(), ready.size(), closed_ ? 0 : kTickMs);
      if (closed_) ::usleep(kTickMs * 100);  // it said all it had to say
      ended = ::waitpid(process_, &status, WNOHANG) == process_;
      const bool says = read_lines(), complains = read_errors();  // also what it left in the pipes
      closed_ = !says && !complains;
      end_if_told();
    }
    ::kill(-process_, SIGKILL);  // what it may have started
    process_ = -1;
    if (!rest_.empty() && call_.line) call_.line(rest_);
    throw_if_stopped(call_.stop);
    end_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    end_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return end_;
  }

 private:
  void start() {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input_.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out_.write.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err_.write.get(), STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);  // Ctrl-C is ours to pass on
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    std::vector<char*> arguments;
    for (const std::string& argument : call_.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    std::vector<char*> environment;
    for (char** variable = environ; *variable; ++variable) environment.push_back(*variable);
    // Not for sbatch: what is in its environment comes back in jobs of other parents.
    std::string parent = "FOVEA_PARENT=" + std::to_string(::getpid());
    if (call_.ends_with_us) environment.push_back(parent.data());
    environment.push_back(nullptr);
    const int failed =
        ::posix_spawnp(&process_, arguments[0], &actions, &attributes, arguments.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed == 0) return take_limits();
    process_ = -1;
    throw Error(ErrorCode::kNotFound, call_.arguments.front(),
                std::string("the program cannot be started (") + std::strerror(failed) + ")",
                "Check that it is installed and may be executed.");
  }

  /// posix_spawn cannot set them; the program has hardly begun to load its libraries when they come.
  void take_limits() const {
    const auto limit = [&](__rlimit_resource what, double most) {
      const rlimit limits{static_cast<rlim_t>(most), static_cast<rlim_t>(most)};
      ::prlimit(process_, what, &limits, nullptr);
    };
    limit(RLIMIT_CORE, 0);
    if (call_.limits.memory_bytes > 0) limit(RLIMIT_DATA, call_.limits.memory_bytes);
    if (call_.limits.cpu_seconds > 0) limit(RLIMIT_CPU, call_.limits.cpu_seconds);
    if (call_.limits.file_bytes > 0) limit(RLIMIT_FSIZE, call_.limits.file_bytes);
  }

  /// False when the pipe is closed.
  static bool read_some(int pipe, std::string& text) {
    std::array<char, 16384> block;
    for (;;) {
      const ssize_t got = ::read(pipe, block.data(), block.size());
      if (got > 0)
        text.append(block.data(), static_cast<std::size_t>(got));
      else
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
  }
  bool read_lines() {
    const bool open = read_some(out_.read.get(), rest_);
    std::size_t begin = 0;
    for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
      if (call_.line) call_.line(std::string_view(rest_).substr(begin, end - begin));
    rest_.erase(0, begin);
    if (rest_.size() > kLongestLine) rest_.clear();
    return open;
  }
  bool read_errors() {
    const bool open = read_some(err_.read.get(), end_.errors);
    if (end_.errors.size() > kErrorsKept) end_.errors.erase(0, end_.errors.size() - kErrorsKept);
    return open;
  }

  void end_if_told() {
    const auto now = Clock::now();
    const bool late = call_.seconds > 0 && std::chrono::duration<double>(now - started_).count() > call_.seconds;
    if (!late && !call_.stop.stop_requested()) return;
    if (!told_) {
      told_ = now, end_.timed_out = late && !call_.stop.stop_requested();
      ::kill(-process_, SIGTERM);
    } else if (now - *told_ > kGrace) {
      ::kill(-process_, SIGKILL);
    }
  }

  const ChildCall& call_;
  Descriptor input_;
  Pipe out_, err_;
  pid_t process_ = -1;
  bool closed_ = false;
  std::string rest_;
  ChildEnd end_;
  Clock::time_point started_ = Clock::now();
  std::optional<Clock::time_point> told_;
};

}  // namespace

ChildEnd run_child(const ChildCall& call) {
  return Child(call).run();
}

}  // namespace fovea::pipeline::batch
