// The pretrained brain extraction network of the package deepbet 1.0.2 (MIT), driven as the package drives it
// (reference/mri-io.md 6).
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "mri/brain/morphology.h"

namespace fovea::pipeline::mri {

/// The folder with bbox_model.pt and model.pt: $FOVEA_DEEPBET, <executable>/../share/fovea/deepbet or
/// <repository>/.deps/deepbet; nothing where they were not fetched. Their content is checked against the package's.
std::optional<std::filesystem::path> find_deepbet();

/// On the volume's grid. Error(kNoTissue) when the network finds no brain, kCorrupt when a file is not the package's.
Mask deepbet_mask(const io::Volume& volume, const std::filesystem::path& folder,
                  const std::function<void(double)>& advance = {});

}  // namespace fovea::pipeline::mri
