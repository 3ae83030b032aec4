// A brain found from a template: another head whose brain is known is registered onto the scan (reference/mri-io.md 6).
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "mri/brain/morphology.h"

namespace fovea::pipeline::mri {

struct BrainTemplate {
  std::filesystem::path head;   ///< the whole head, T1-weighted
  std::filesystem::path brain;  ///< on the same grid: above 0 in the brain
};

/// ch2.nii.gz and ch2bet.nii.gz (Colin27) in $FOVEA_BRAIN_TEMPLATE, or where Debian's package mricron-data puts them.
std::optional<BrainTemplate> find_brain_template();

/// On the volume's grid: the template's brain, grown by 5 mm, limits where the brain is looked for by grey value and
/// shape. Nothing where the template cannot be registered. Error(kShape) when the template's two files do not fit.
std::optional<Mask> template_brain(const io::Volume& volume, const BrainTemplate& known,
                                   const std::function<void(double)>& advance = {});

}  // namespace fovea::pipeline::mri
