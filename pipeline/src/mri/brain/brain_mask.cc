#include "mri/brain/brain_mask.h"

#include <fovea/base/error.h>

#include "mri/brain/deepbet.h"
#include "mri/brain/otsu_brain.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

constexpr double kLeastMl = 900, kMostMl = 2000;

}  // namespace

BrainResult find_brain(const io::Volume& volume, BrainMethod method, const std::function<void(double)>& advance) {
  BrainResult result;
  const auto networks = method == BrainMethod::kClassical ? std::nullopt : find_deepbet();
  if (method == BrainMethod::kDeepbet && !networks)
    throw Error(ErrorCode::kNotFound, "deepbet", "its networks are not installed",
                "Fetch them with ./run deps, set FOVEA_DEEPBET to their folder, or choose classical.");
  if (networks) {
    result.method = "deepbet 1.0.2";
    result.mask = deepbet_mask(volume, *networks, advance);
  } else {
    result.method = "classical";
    result.mask = otsu_brain(volume);
    if (method == BrainMethod::kAuto)
      result.notices.push_back(
          "the brain was found by grey values and shape alone, as the network for it (deepbet) is not installed: check "
          "the outline");
  }
  if (result.mask.count() == 0)
    throw Error(ErrorCode::kNoTissue, "brain mask", "no brain is found in this scan",
                "Check the scan, or give a mask.");
  result.ml = static_cast<double>(result.mask.count()) * volume.geometry.voxel_ml();
  result.plausible = result.ml >= kLeastMl && result.ml <= kMostMl;
  if (!result.plausible)
    result.notices.push_back("the brain mask holds " + slide::fixed_text(result.ml, 0) +
                             " ml, which is no whole brain (900 to 2000 ml)");
  return result;
}

}  // namespace fovea::pipeline::mri
