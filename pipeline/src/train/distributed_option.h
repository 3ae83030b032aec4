// The option by which a training job is one of several processes that train together.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include <fovea/pipeline/job.h>

#include "train/process_group.h"

namespace fovea::pipeline::train {

Parameter distributed_parameter(const std::string& group);
/// Waits for the other processes. Nothing: the job trains alone.
std::unique_ptr<ProcessGroup> process_group(const JobValues& values, const std::stop_token& stop);
/// What a process that does not write has to say at the end.
JobResult result_of_helper(const ProcessGroup& group);

}  // namespace fovea::pipeline::train
