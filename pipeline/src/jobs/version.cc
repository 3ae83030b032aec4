#include <fovea/pipeline/job.h>

#include <torch/version.h>

#include <fovea/base/version.h>
#include <fovea/io/slide.h>

namespace fovea::pipeline {

std::string version() {
  return FOVEA_VERSION;
}

std::string version_details() {
  return "fovea " + version() + " (LibTorch " TORCH_VERSION ", OpenSlide " + io::openslide_version() +
         ", g++ " __VERSION__ ")\n" + "Research software. Not a medical device; not for clinical decisions.\n";
}

}  // namespace fovea::pipeline
