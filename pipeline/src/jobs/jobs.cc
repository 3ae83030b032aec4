#include "jobs.h"

#include <vector>

namespace fovea::pipeline {

std::span<const JobKind> job_kinds() {
  static const std::vector<JobKind> kinds{slide_predict_job(), slide_features_job(), slide_tiles_job(),
                                          slide_train_job(),   mri_segment_job(),    mri_train_job(),
                                          model_import_job(),  model_info_job(),     selftest_job(),
                                          models_job(),        encoders_job(),       formats_job()};
  return kinds;
}

}  // namespace fovea::pipeline
