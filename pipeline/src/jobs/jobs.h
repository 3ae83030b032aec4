// Every job kind is one function that describes and runs it; jobs.cc lists them in one table.
#pragma once

#include <fovea/pipeline/job.h>

namespace fovea::pipeline {

JobKind slide_predict_job();   // slide/predict_job.cc
JobKind slide_features_job();  // slide/features_job.cc
JobKind slide_tiles_job();     // slide/tiles_job.cc
JobKind slide_explain_job();   // slide/explain_job.cc
JobKind slide_train_job();     // slide/train_job.cc
JobKind mil_train_job();       // mil/train_job.cc
JobKind mil_recipe_job();      // mil/recipe_job.cc
JobKind mil_predict_job();     // mil/predict_job.cc
JobKind mil_evaluate_job();    // mil/evaluation_jobs.cc
JobKind mil_compare_job();
JobKind mri_segment_job();   // mri/segment_job.cc
JobKind mri_train_job();     // mri/train_job.cc
JobKind mri_evaluate_job();  // mri/evaluation/evaluate_job.cc
JobKind mri_growth_job();    // mri/growth/growth_job.cc
JobKind model_import_job();  // jobs/model_jobs.cc
JobKind model_info_job();
JobKind encode_job();    // jobs/encode_job.cc
JobKind selftest_job();  // selftest/selftest_job.cc
JobKind models_job();    // jobs/table_jobs.cc: `fovea models`
JobKind encoders_job();
JobKind formats_job();

}  // namespace fovea::pipeline
