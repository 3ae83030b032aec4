// Who belongs to whom: the one-to-one assignment of largest total gain (Hungarian method).
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace fovea::pipeline::mri {

/// `gain[row * columns + column]`. The column of every row; nothing for rows that are left over when there are fewer
/// columns. Cubic in the larger side.
std::vector<std::optional<std::size_t>> best_assignment(const std::vector<double>& gain, std::size_t rows,
                                                        std::size_t columns);

}  // namespace fovea::pipeline::mri
