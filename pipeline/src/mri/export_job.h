#pragma once

#include <fovea/pipeline/job.h>

namespace fovea::pipeline {

JobKind model_export_job();

}  // namespace fovea::pipeline
