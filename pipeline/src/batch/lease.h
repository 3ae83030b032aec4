// Who works on a case, among processes of several machines that share nothing but a folder: a lease is a file that its
// holder touches while it lives. No lock of the file system is needed, and none outlives a crash.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace fovea::pipeline::batch {

class LeaseFolder;

/// Held until it goes. When it was lost (this process slept longer than the lease lasts, and another took over),
/// `lost()` is requested.
class Lease {
 public:
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  std::stop_token lost() const { return lost_.get_token(); }
  /// Looks: true while no other process has taken over. Call before results are made visible.
  bool still_ours() const;
  const std::string& token() const { return token_; }

 private:
  friend class LeaseFolder;
  Lease(LeaseFolder& folder, std::string name, std::int64_t turn, std::string token);
  std::filesystem::path file() const;

  LeaseFolder& folder_;
  std::string name_, token_;
  std::int64_t turn_;
  std::stop_source lost_;
};

class LeaseFolder {
 public:
  /// Makes the folder. `life`: how long a lease lasts without a sign of life of its holder.
  LeaseFolder(std::filesystem::path folder, std::chrono::duration<double> life);
  ~LeaseFolder();
  LeaseFolder(const LeaseFolder&) = delete;
  LeaseFolder& operator=(const LeaseFolder&) = delete;

  /// Nothing when another process, alive as far as can be known, holds it. `name` is a safe file name. Error
  /// (kWriteFailed) when the folder cannot be written.
  std::unique_ptr<Lease> take(const std::string& name);
  /// Names that are held by processes alive.
  std::size_t held() const;
  /// Seconds by the clock of the machine that holds the folder: those of the others may be wrong.
  double now() const;

 private:
  friend class Lease;
  std::map<std::int64_t, std::filesystem::path> turns_of(const std::string& name) const;
  bool alive(const std::filesystem::path& file) const;
  void renew(const std::stop_token& end);

  std::filesystem::path folder_;
  std::chrono::duration<double> life_;
  std::filesystem::path clock_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::map<Lease*, std::filesystem::path> live_;
  std::jthread heart_;
};

}  // namespace fovea::pipeline::batch
