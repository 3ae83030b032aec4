// Where the brain is, by the best means at hand, and whether to believe it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mri/brain/morphology.h"

namespace fovea::pipeline::mri {

enum class BrainMethod { kAuto, kDeepbet, kClassical, kOtsu };

/// Of --method and --brain-mask: auto, deepbet, classical, otsu; nothing for any other word.
std::optional<BrainMethod> brain_method(std::string_view name);

struct BrainResult {
  Mask mask;           ///< on the volume's grid, one piece
  std::string method;  ///< "deepbet 1.0.2", "template and grey values" or "grey values and shape"
  double ml = 0;
  bool plausible = false;  ///< 900 to 2000 ml
  std::vector<std::string> notices;
};

/// kAuto: deepbet where it was fetched, else classical with a notice. kClassical: from a template where one is
/// installed, else grey values and shape alone (kOtsu), with a notice. Error(kNotFound) when deepbet is asked for and
/// not there; kNoTissue when nothing is found.
BrainResult find_brain(const io::Volume& volume, BrainMethod method, const std::function<void(double)>& advance = {});

}  // namespace fovea::pipeline::mri
