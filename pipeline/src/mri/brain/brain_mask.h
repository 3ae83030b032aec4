// Where the brain is, by the best means at hand, and whether to believe it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mri/brain/morphology.h"

namespace fovea::pipeline::mri {

enum class BrainMethod { kAuto, kDeepbet, kClassical };

struct BrainResult {
  Mask mask;           ///< on the volume's grid, one piece
  std::string method;  ///< "deepbet 1.0.2" or "classical"
  double ml = 0;
  bool plausible = false;  ///< 900 to 2000 ml
  std::vector<std::string> notices;
};

/// kAuto: deepbet where it was fetched, else classical with a notice. Error(kNotFound) when deepbet is asked for and
/// not there; kNoTissue when nothing is found.
BrainResult find_brain(const io::Volume& volume, BrainMethod method, const std::function<void(double)>& advance = {});

}  // namespace fovea::pipeline::mri
