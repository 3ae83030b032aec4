// The job kinds of `fovea pacs`.
#pragma once

#include <fovea/pipeline/job.h>

namespace fovea::pipeline {

JobKind pacs_echo_job();  // find_jobs.cc
JobKind pacs_find_job();
JobKind pacs_get_job();  // retrieve_jobs.cc
JobKind pacs_move_job();
JobKind pacs_store_job();   // store_job.cc
JobKind pacs_listen_job();  // listen_job.cc

}  // namespace fovea::pipeline
