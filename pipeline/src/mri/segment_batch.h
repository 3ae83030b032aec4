// `mri segment --cases`: case after case, each in a folder of its own; a bad one does not stop the others, and a run
// that was stopped goes on where it was.
#pragma once

#include <functional>
#include <stop_token>

#include <fovea/pipeline/job.h>

namespace fovea::pipeline::mri {

using RunCase = std::function<JobResult(const JobRequest&, const ProgressSink&, std::stop_token)>;

/// Results in OUT/<case_id>/, summary.csv and summary.json in OUT. A case is done when its case.json holds the key of
/// the same request, model and inputs (by size and time); such cases are not run again. Exit codes: 0 all have a
/// result, 2 some have not, 3 none. Error(kUsage) for options that make no sense for several cases; Error(kWriteFailed)
/// ends the batch: no later case could be written either.
JobResult segment_cases(const JobValues& values, const std::vector<Parameter>& parameters, const RunCase& run,
                        const ProgressSink& sink, const std::stop_token& stop);

}  // namespace fovea::pipeline::mri
