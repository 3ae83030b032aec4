// One case, here or in a process of its own.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include <fovea/pipeline/job.h>

namespace fovea::pipeline::batch {

struct Outcome {
  JobResult result;
  std::string code, problem;  ///< of a failure: error_code_name or "crashed" or "timeout", and the sentence
};

/// Runs in this process, volumes decoded apart (io/decode_apart.h). Error(kCancelled) after a stop request; every other
/// failure is an outcome.
Outcome run_here(const JobRequest& request, const std::function<void(double)>& advanced, std::stop_token stop);

struct CaseLimits {
  double seconds = 0;    ///< it is stopped after so long, or after as much of every processor; 0: never
  double memory_gb = 0;  ///< GiB of its own; 0: the machine's
};

/// Runs in a process of its own, which a crash ends alone, and which dies with this one. Needs the program fovea:
/// $FOVEA_PROGRAM, this program, or the one beside this library; Error(kNotFound).
Outcome run_isolated(const JobRequest& request, const CaseLimits& limits, const std::function<void(double)>& advanced,
                     std::stop_token stop);

/// The program's path, as found by run_isolated.
std::string fovea_program();

}  // namespace fovea::pipeline::batch
