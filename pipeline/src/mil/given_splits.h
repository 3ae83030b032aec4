// Splits that the user has: CLAM's tables, ACMIL's JSON, a table of folds.
#pragma once

#include "mil/splits.h"

namespace fovea::pipeline::mil {

/// As make_splits describes.
Splits given_splits(const std::filesystem::path& path, const std::vector<Item>& items);

}  // namespace fovea::pipeline::mil
