// The listener's queue: every series is a folder, its state the folder it lies in and the file state.json in it. All
// changes are renames, so that a process may die at any moment and the next one goes on.
//
//   QUEUE/spool      objects while they arrive (worthless after a restart: the sender was never answered)
//   QUEUE/receiving  series that are still growing
//   QUEUE/waiting    complete ones, to be segmented or to be sent
//   QUEUE/done, QUEUE/failed
// A series folder: source/*.dcm, result/, state.json. Its name is a hash of the sender and the series.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <fovea/io/file_lock.h>
#include <fovea/io/pacs.h>

namespace fovea::pipeline::pacs {

struct SeriesState {
  std::string calling_ae, modality, description;
  std::string stage = "segment";  ///< then "send"
  std::string rule, problem;
  std::int64_t attempts = 0;                             ///< of this stage
  std::int64_t not_before = 0, since = 0, finished = 0;  ///< Unix seconds; `since`: of this stage
};

struct QueuedSeries {
  std::filesystem::path folder;
  SeriesState state;
  std::string name() const { return folder.filename().string(); }
};

std::int64_t unix_now();

class Queue {
 public:
  /// Takes the queue for this process and clears up after a dead one. Error(kUsage) when another listener has it.
  explicit Queue(std::filesystem::path root);

  std::filesystem::path spool() const { return root_ / "spool"; }
  /// Moves an object to its series; on return it is safe.
  void add(const io::ReceivedObject& object);
  /// Series that were quiet for `quiet_s` become complete. Late objects make a new entry with all objects again.
  std::vector<std::string> complete_quiet(int quiet_s);
  std::vector<QueuedSeries> waiting() const;
  std::size_t receiving_count() const;

  void save(const QueuedSeries& series) const;
  void finish(QueuedSeries& series, const std::string& problem = {});
  void fail(QueuedSeries& series, const std::string& problem);
  /// Removes images and results that were done longer ago.
  void purge(double keep_hours) const;

 private:
  void move_to(QueuedSeries& series, const char* where);
  std::filesystem::path free_name(const std::string& key, std::filesystem::path& earlier) const;

  std::filesystem::path root_;
  std::optional<io::FileLock> lock_;
  mutable std::mutex mutex_;
};

}  // namespace fovea::pipeline::pacs
