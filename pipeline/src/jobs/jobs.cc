#include "jobs.h"

#include <vector>

#include "mri/brain/brain_job.h"
#include "mri/export_job.h"
#include "pacs/pacs_jobs.h"

namespace fovea::pipeline {

std::span<const JobKind> job_kinds() {
  // One a line, so that two new jobs do not conflict.
  static const std::vector<JobKind> kinds{
      slide_predict_job(),   //
      slide_features_job(),  //
      slide_tiles_job(),     //
      slide_explain_job(),   //
      slide_train_job(),     //
      mil_train_job(),       //
      mil_recipe_job(),      //
      mil_predict_job(),     //
      mil_evaluate_job(),    //
      mil_compare_job(),     //
      mri_segment_job(),     //
      mri_recipe_job(),      //
      mri_train_job(),       //
      mri_ablate_job(),      //
      mri_evaluate_job(),    //
      mri_synthesise_job(),  //
      mri_growth_job(),      //
      mri_brain_job(),       //
      pacs_echo_job(),       //
      pacs_find_job(),       //
      pacs_get_job(),        //
      pacs_move_job(),       //
      pacs_store_job(),      //
      pacs_listen_job(),     //
      model_import_job(),    //
      model_export_job(),    //
      model_info_job(),      //
      batch_job(),           //
      encode_job(),          //
      selftest_job(),        //
      models_job(),          //
      encoders_job(),        //
      formats_job(),         //
  };
  return kinds;
}

}  // namespace fovea::pipeline
