// A job of its own header: jobs.h is included by every job.
#pragma once

#include <fovea/pipeline/job.h>

namespace fovea::pipeline {

JobKind mri_brain_job();

}  // namespace fovea::pipeline
