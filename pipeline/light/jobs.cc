// The table of the small program: jobs that need no network, so that it starts without LibTorch.
#include "jobs/jobs.h"

#include <vector>

#include <fovea/base/version.h>
#include <fovea/io/slide.h>

namespace fovea::pipeline {

std::span<const JobKind> job_kinds() {
  static const std::vector<JobKind> kinds{slide_tiles_job()};
  return kinds;
}

std::string version() {
  return FOVEA_VERSION;
}

std::string version_details() {
  return "fovea-tiles " + version() + " (OpenSlide " + io::openslide_version() + ", g++ " __VERSION__ ")\n" +
         "Research software. Not a medical device; not for clinical decisions.\n";
}

}  // namespace fovea::pipeline
