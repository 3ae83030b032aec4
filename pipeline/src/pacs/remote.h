// The PACS of a command, whichever protocol it speaks: DIMSE (--host) or DICOMweb (--url).
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <fovea/io/pacs.h>
#include <fovea/pipeline/job.h>

namespace fovea::pipeline::pacs {

class Remote {
 public:
  struct Got {
    std::int64_t objects = 0, bytes = 0, kept = 0;  ///< kept: there from an earlier try
  };
  virtual ~Remote() = default;
  virtual std::string address() const = 0;  ///< for messages
  virtual void echo(std::stop_token stop) const = 0;
  virtual io::PacsMatches find(const io::PacsQuery& query, std::stop_token stop) const = 0;
  virtual Got get(const io::PacsMatch& series, const std::filesystem::path& folder, const io::PacsLimits& limits,
                  const io::PacsProgress& progress, std::stop_token stop) const = 0;
  virtual std::vector<io::PacsStored> store(const std::vector<std::filesystem::path>& files,
                                            const io::PacsProgress& progress, std::stop_token stop) const = 0;
};

/// --host with its port and titles, --url with its credentials, and TLS for both.
void add_remote(std::vector<Parameter>& parameters);
/// Error(kUsage) with everything that is wrong.
std::unique_ptr<Remote> remote_of(const JobValues& values);
std::unique_ptr<Remote> remote_of(const io::PacsPeer& peer);

/// The series that the selection names: studies first, then the series of each.
std::vector<io::PacsMatch> selected_series(const Remote& remote, const JobValues& values, std::stop_token stop);

}  // namespace fovea::pipeline::pacs
