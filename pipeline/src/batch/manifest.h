// The cases of a batch: a table of requests, checked to the last row before anything starts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fovea/pipeline/job.h>

namespace fovea::pipeline::batch {

struct Case {
  std::string id;         ///< names its results and stands for it in every message; a safe file name
  std::int64_t line = 0;  ///< of the manifest
  /// Without output folders; output files are plain names. Inputs are absolute.
  JobRequest request;
};

struct ManifestOptions {
  std::filesystem::path manifest;
  std::string job;                           ///< of rows that name none
  std::map<std::string, std::string> fixed;  ///< parameters of every row that does not give its own
};

/// A CSV: `case` (an id; made from the row's content where absent), `job`, and parameters of the jobs by their names.
/// Empty cells are not given; lists are split at semicolons; relative inputs count from the manifest's folder, those of
/// `fixed` from the current one. Inputs need not exist. Error(kUsage) that lists every problem with its line (the first
/// hundred, and how many more).
std::vector<Case> read_manifest(const ManifestOptions& options);

/// The case's request with its outputs in `folder`.
JobRequest request_in(const Case& item, const std::filesystem::path& folder);

struct Input {
  std::string parameter;
  std::filesystem::path path;
};
/// Files and folders that the request reads, in the order of the job's table.
std::vector<Input> inputs_of(const JobRequest& request);

/// Letters, digits, dot, dash and underscore, at most 80, no dot in front.
bool is_safe_name(const std::string& name);

}  // namespace fovea::pipeline::batch
