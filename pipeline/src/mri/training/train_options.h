// The options that `mri train` and `mri ablate` share.
#pragma once

#include <vector>

#include <fovea/pipeline/job.h>

#include "mri/training/training_run.h"

namespace fovea::pipeline::mri::training {

std::vector<Parameter> training_parameters();
/// Checked. Error(kUsage).
TrainingOptions training_options(const JobValues& values, const char* command);
/// The recipe with changes key=value.
Recipe changed(const Recipe& recipe, const std::vector<std::string>& changes);

}  // namespace fovea::pipeline::mri::training
