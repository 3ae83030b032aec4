#include "pacs/queue.h"

#include <algorithm>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

namespace fovea::pipeline::pacs {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
constexpr const char* kStates[] = {"spool", "receiving", "waiting", "done", "failed"};

void synchronise(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

/// Both folders know of it on the disk.
void moved(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error)
    throw Error(ErrorCode::kWriteFailed, "queue", "an entry cannot be moved (" + error.message() + ")",
                "Check the disk of --queue.");
  synchronise(to.parent_path());
  synchronise(from.parent_path());
}

std::string state_text(const SeriesState& s) {
  return Json{{"fovea_queue", 1},       {"calling_ae", s.calling_ae},
              {"modality", s.modality}, {"description", s.description},
              {"stage", s.stage},       {"rule", s.rule},
              {"attempts", s.attempts}, {"not_before", s.not_before},
              {"since", s.since},       {"finished", s.finished},
              {"problem", s.problem}}
             .dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

SeriesState read_state(const fs::path& folder) {
  std::ifstream stream(folder / "state.json");
  const Json json = Json::parse(stream, nullptr, false);
  SeriesState s;
  try {
    s.calling_ae = json.at("calling_ae"), s.modality = json.at("modality"), s.description = json.at("description");
    s.stage = json.at("stage"), s.rule = json.at("rule"), s.problem = json.at("problem");
    s.attempts = json.at("attempts"), s.not_before = json.at("not_before"), s.since = json.at("since");
    s.finished = json.at("finished");
  } catch (const Json::exception&) {
    throw Error(ErrorCode::kCorrupt, folder.filename().string(), "its state.json cannot be read",
                "Move the folder away, and send the series again.");
  }
  return s;
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && entry.path().filename().string().front() != '.') found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::int64_t modified(const fs::path& path) {
  std::error_code ignored;
  const auto time = std::chrono::file_clock::to_sys(fs::last_write_time(path, ignored));
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

std::int64_t unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Queue::Queue(fs::path root) : root_(std::move(root)) {
  io::prepare_output_folder(root_);
  fs::permissions(root_, fs::perms::owner_all);  // images of patients
  lock_ = io::FileLock::try_lock(root_ / "lock");
  if (!lock_)
    throw Error(ErrorCode::kUsage, root_.filename().string(), "another listener works on this queue",
                "Give every listener a queue of its own.");
  std::error_code ignored;
  fs::remove_all(root_ / "spool", ignored);
  for (const char* state : kStates) fs::create_directories(root_ / state);
  for (const auto& entry : fs::directory_iterator(root_ / "receiving"))
    if (entry.path().filename().string().front() == '.') fs::remove_all(entry.path(), ignored);
}

void Queue::add(const io::ReceivedObject& object) {
  const std::string key = io::pseudonym(object.calling_ae + "\n" + object.series_uid);
  std::lock_guard lock(mutex_);
  const fs::path folder = root_ / "receiving" / key;
  if (!fs::exists(folder)) {
    const fs::path fresh = root_ / "receiving" / ("." + key);
    fs::create_directories(fresh / "source");
    SeriesState state;
    state.calling_ae = object.calling_ae, state.modality = object.modality, state.description = object.description;
    state.since = unix_now();
    io::write_file(fresh / "state.json", state_text(state));
    moved(fresh, folder);
  }
  moved(object.file, folder / "source" / object.file.filename());
}

fs::path Queue::free_name(const std::string& key, fs::path& earlier) const {
  for (int n = 1;; ++n) {
    const std::string name = n == 1 ? key : key + "-" + std::to_string(n);
    bool taken = false;
    for (const char* state : {"waiting", "done", "failed"})
      if (fs::exists(root_ / state / name)) taken = true, earlier = root_ / state / name;
    if (!taken) return root_ / "waiting" / name;
  }
}

std::vector<std::string> Queue::complete_quiet(int quiet_s) {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const fs::path& folder : entries(root_ / "receiving")) {
    if (unix_now() - modified(folder / "source") < quiet_s) continue;
    fs::path earlier;
    const fs::path target = free_name(folder.filename().string(), earlier);
    if (!earlier.empty() && fs::exists(earlier / "source"))
      for (const auto& file : fs::directory_iterator(earlier / "source")) {
        std::error_code exists;
        fs::create_hard_link(file.path(), folder / "source" / file.path().filename(), exists);
      }
    moved(folder, target);
    names.push_back(target.filename().string());
  }
  return names;
}

std::vector<QueuedSeries> Queue::waiting() const {
  std::vector<QueuedSeries> series;
  for (const fs::path& folder : entries(root_ / "waiting")) series.push_back({folder, read_state(folder)});
  std::stable_sort(series.begin(), series.end(),
                   [](const QueuedSeries& a, const QueuedSeries& b) { return a.state.since < b.state.since; });
  return series;
}

std::size_t Queue::receiving_count() const {
  std::lock_guard lock(mutex_);
  return entries(root_ / "receiving").size();
}

void Queue::save(const QueuedSeries& series) const {
  io::write_file(series.folder / "state.json", state_text(series.state));
}

void Queue::move_to(QueuedSeries& series, const char* where) {
  std::lock_guard lock(mutex_);
  const fs::path target = root_ / where / series.folder.filename();
  moved(series.folder, target);
  series.folder = target;
}

void Queue::finish(QueuedSeries& series, const std::string& problem) {
  series.state.finished = unix_now(), series.state.problem = problem;
  save(series);
  move_to(series, "done");
}

void Queue::fail(QueuedSeries& series, const std::string& problem) {
  series.state.finished = unix_now(), series.state.problem = problem;
  series.state.attempts = 0, series.state.not_before = 0;  // so that it can be moved back to waiting
  save(series);
  move_to(series, "failed");
}

void Queue::purge(double keep_hours) const {
  std::lock_guard lock(mutex_);
  for (const fs::path& folder : entries(root_ / "done")) {
    if (!fs::exists(folder / "source") && !fs::exists(folder / "result")) continue;
    if (static_cast<double>(unix_now() - modified(folder / "state.json")) < keep_hours * 3600) continue;
    std::error_code ignored;
    fs::remove_all(folder / "source", ignored);
    fs::remove_all(folder / "result", ignored);
  }
}

}  // namespace fovea::pipeline::pacs
