// Tumour-free training views from slices that all hold a tumour: the healthy half of a symmetric head, mirrored onto
// the other.
#pragma once

#include <optional>

#include "mri/outlined_slice.h"

namespace fovea::pipeline::mri {

/// Where to fold a slice: columns on the tumour's side of `midline` (in pixels, between or on columns) take the values
/// mirrored there.
struct Fold {
  double midline = 0;
  bool tumour_above = false;  ///< the tumour lies at x above the midline
};

/// Nothing for a slice that is not symmetric about a vertical line (sagittal ones are not), or whose tumour touches
/// that line.
std::optional<Fold> find_fold(const OutlinedSlice& slice, std::int64_t size);

/// The slice with its healthy half on both sides; its mask is empty.
OutlinedSlice mirrored_healthy_half(const OutlinedSlice& slice, std::int64_t size, const Fold& fold);

}  // namespace fovea::pipeline::mri
