// A lease of case c7 is the file c7.N.lease. Whoever finds turn N dead makes turn N+1 with O_EXCL: one wins, nobody
// removes a file that another may just have made. After making one's own one looks again, and steps back when another
// turn is alive: two may both step back, two cannot both go on.
#include "batch/lease.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <random>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "process_mark.h"

namespace fovea::pipeline::batch {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kExtension = ".lease";

std::string new_token() {
  std::random_device random;
  std::string token;
  for (int i = 0; i < 16; ++i) token += "0123456789abcdef"[random() % 16];
  return token;
}

double seconds_of(const timespec& time) {
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// The file server's own time, whatever this machine's clock says.
bool touch(const fs::path& file) {
  const timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
  return ::utimensat(AT_FDCWD, file.c_str(), now, 0) == 0;
}

bool make(const fs::path& file, const std::string& text) {
  const int descriptor = ::open(file.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor < 0 && errno == EEXIST) return false;
  const bool written =
      descriptor >= 0 && ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (written) return true;
  if (descriptor >= 0) ::unlink(file.c_str());
  throw Error(ErrorCode::kWriteFailed, file.parent_path().filename().string(),
              std::string("a lease cannot be written (") + std::strerror(error) + ")",
              "Check the disk of the output folder and that you may write to it.");
}

std::string description(const std::string& token, double life) {
  return Json{{"machine", machine_mark()},
              {"process", ::getpid()},
              {"birth", birth_of(::getpid())},
              {"token", token},
              {"seconds", life}}
      .dump();
}

}  // namespace

Lease::Lease(LeaseFolder& folder, std::string name, std::int64_t turn, std::string token)
    : folder_(folder), name_(std::move(name)), token_(std::move(token)), turn_(turn) {
  const std::lock_guard lock(folder_.mutex_);
  folder_.live_.emplace(this, file());
}

Lease::~Lease() {
  const std::lock_guard lock(folder_.mutex_);
  folder_.live_.erase(this);
  ::unlink(file().c_str());  // by its turn: another's lease has another name
}

fs::path Lease::file() const {
  return folder_.folder_ / (name_ + "." + std::to_string(turn_) + kExtension);
}

bool Lease::still_ours() const {
  if (lost_.stop_requested()) return false;
  const auto turns = folder_.turns_of(name_);
  return !turns.empty() && turns.rbegin()->first == turn_;
}

LeaseFolder::LeaseFolder(fs::path folder, std::chrono::duration<double> life)
    : folder_(std::move(folder)), life_(life), clock_(folder_ / (".clock-" + new_token())) {
  io::prepare_output_folder(folder_);
  make(clock_, "");
  heart_ = std::jthread([this](const std::stop_token& end) { renew(end); });
}

LeaseFolder::~LeaseFolder() {
  heart_.request_stop();
  heart_.join();
  ::unlink(clock_.c_str());
}

double LeaseFolder::now() const {
  struct stat facts {};
  if (!touch(clock_) || ::stat(clock_.c_str(), &facts) != 0)
    throw Error(ErrorCode::kWriteFailed, folder_.filename().string(), "the folder of leases is no longer there",
                "Check the disk of the output folder.");
  return seconds_of(facts.st_mtim);
}

std::map<std::int64_t, fs::path> LeaseFolder::turns_of(const std::string& name) const {
  std::map<std::int64_t, fs::path> turns;
  std::error_code ignored;
  const std::string prefix = name + ".";
  for (fs::directory_iterator entry(folder_, ignored), end; entry != end; entry.increment(ignored)) {
    const std::string file = entry->path().filename().string();
    if (file.rfind(prefix, 0) != 0 || !file.ends_with(kExtension)) continue;
    if (file.size() <= prefix.size() + std::strlen(kExtension)) continue;  // turn 1 of "a" is no turn of "a.1"
    std::int64_t turn = 0;
    const char* last = file.data() + file.size() - std::strlen(kExtension);
    const auto [stop, error] = std::from_chars(file.data() + prefix.size(), last, turn);
    if (error == std::errc{} && stop == last) turns.emplace(turn, entry->path());
  }
  return turns;
}

bool LeaseFolder::alive(const fs::path& file) const {
  // Opening asks the server anew where a file system keeps what it knows about a file for a while.
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;  // it has just gone
  struct stat facts {};
  std::string text(4096, '\0');
  const bool known = ::fstat(descriptor, &facts) == 0;
  const ssize_t read = ::read(descriptor, text.data(), text.size());
  ::close(descriptor);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(read, 0)));
  const Json lease = Json::parse(text, nullptr, false);
  double life = life_.count();
  if (lease.is_object()) {
    life = lease.value("seconds", life);
    const std::int64_t process = lease.value("process", std::int64_t{-1});
    const bool here = !machine_mark().empty() && lease.value("machine", "") == machine_mark();
    if (here && birth_of(process) != lease.value("birth", "")) return false;  // no need to wait for it
  }
  return known && now() - seconds_of(facts.st_mtim) < life;
}

std::unique_ptr<Lease> LeaseFolder::take(const std::string& name) {
  std::int64_t turn = 0;
  for (const auto& [number, file] : turns_of(name)) {
    if (alive(file)) return nullptr;
    turn = number + 1;
  }
  const std::string token = new_token();
  if (!make(folder_ / (name + "." + std::to_string(turn) + kExtension), description(token, life_.count())))
    return nullptr;
  std::unique_ptr<Lease> lease(new Lease(*this, name, turn, token));
  const auto turns = turns_of(name);
  for (const auto& [number, file] : turns)
    if (number != turn && alive(file)) return nullptr;
  for (const auto& [number, file] : turns)
    if (number < turn) ::unlink(file.c_str());
  return lease;
}

std::size_t LeaseFolder::held() const {
  std::size_t count = 0;
  std::error_code ignored;
  for (fs::directory_iterator entry(folder_, ignored), end; entry != end; entry.increment(ignored))
    count += entry->path().extension() == kExtension && alive(entry->path());
  return count;
}

void LeaseFolder::renew(const std::stop_token& end) {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, end, life_ / 4, [&] { return end.stop_requested(); })) {
    for (const auto& [lease, file] : live_)
      if (!lease->still_ours() || !touch(file)) lease->lost_.request_stop();
  }
}

}  // namespace fovea::pipeline::batch
