#include "mri/brain/brain_mask.h"

#include <utility>

#include <fovea/base/error.h>

#include "mri/brain/deepbet.h"
#include "mri/brain/otsu_brain.h"
#include "mri/brain/template_brain.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

constexpr double kLeastMl = 900, kMostMl = 2000;

void by_template(const io::Volume& volume, const std::function<void(double)>& advance, BrainResult& result) {
  const auto known = find_brain_template();
  if (!known) {
    result.notices.push_back(
        "no template of a head is installed (Debian: mricron-data), only grey values and shape are used");
    return;
  }
  if (auto mask = template_brain(volume, *known, advance)) {
    result.method = "template and grey values";
    result.mask = std::move(*mask);
  } else {
    result.notices.push_back("the template could not be laid onto this scan");
  }
}

}  // namespace

std::optional<BrainMethod> brain_method(std::string_view name) {
  if (name == "auto") return BrainMethod::kAuto;
  if (name == "deepbet") return BrainMethod::kDeepbet;
  if (name == "classical") return BrainMethod::kClassical;
  if (name == "otsu") return BrainMethod::kOtsu;
  return std::nullopt;
}

BrainResult find_brain(const io::Volume& volume, BrainMethod method, const std::function<void(double)>& advance) {
  BrainResult result;
  const bool network_wanted = method == BrainMethod::kAuto || method == BrainMethod::kDeepbet;
  const auto networks = network_wanted ? find_deepbet() : std::nullopt;
  if (method == BrainMethod::kDeepbet && !networks)
    throw Error(ErrorCode::kNotFound, "deepbet", "its networks are not installed",
                "Fetch them with ./run deps, set FOVEA_DEEPBET to their folder, or choose classical.");
  if (networks) {
    result.method = "deepbet 1.0.2";
    result.mask = deepbet_mask(volume, *networks, advance);
  } else {
    if (method != BrainMethod::kOtsu) by_template(volume, advance, result);
    if (result.mask.values.empty()) {
      result.method = "grey values and shape";
      result.mask = otsu_brain(volume);
    }
    if (method == BrainMethod::kAuto)
      result.notices.push_back("the brain was found by " + result.method +
                               ", as the network for it (deepbet) is not installed: check the outline");
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
