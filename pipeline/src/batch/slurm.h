// A batch as an array job of Slurm: the tasks share the output folder and take cases from it, so that none has a list
// of its own and none is idle while cases are left. Slurm schedules; nothing here does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fovea/pipeline/job.h>

namespace fovea::pipeline::batch {

struct SlurmOptions {
  std::string partition, time, memory;  ///< empty: the cluster's own
  std::int64_t gpus = 0, cpus = 0;      ///< of a task; 0: the cluster's own
  std::int64_t array_size = 4;
};

/// What is wrong with them: each goes into a script.
std::vector<std::string> problems_of(const SlurmOptions& options);

struct Submission {
  std::string job;         ///< Slurm's number
  std::int64_t tasks = 0;  ///< of the new job, or left of the one that is there
  bool was_there = false;  ///< an earlier job still works on the folder: nothing was submitted
};

/// Writes OUT/slurm/request.json and job.sh and submits them, with at most `missing` tasks. Error(kNotFound) without
/// sbatch, Error(kUsage) with Slurm's words when it refuses.
Submission submit(const JobRequest& batch, const std::filesystem::path& out, const SlurmOptions& options,
                  std::size_t missing);

/// Where a task of an array begins in the list, 0..1; 0 outside of Slurm.
double share_of_task();

}  // namespace fovea::pipeline::batch
