// Pyramidal tiled TIFF that slide viewers open: halving levels as consecutive image directories (OpenSlide sees no
// SubIFDs), 256-pixel tiles, Deflate.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <fovea/io/image.h>

namespace fovea::io {

struct PyramidInfo {
  int width = 0, height = 0;
  int channels = 3;         ///< 1 (0 = no value: left out of the means of coarser levels) or 3
  double mpp = 0;           ///< micrometres per pixel of the finest level; 0 = unknown, no resolution is written
  std::string description;  ///< of the first directory
};

/// `band(y, rows)` gives the rows [y, y + rows) of the finest level, in order and once; a band is at most 256 rows.
/// Each level is a quarter of the one before until an edge fits into one tile; only the coarser levels are held in
/// memory. BigTIFF when more than 2 GB might be written. Atomic; Error(kWriteFailed).
void write_pyramid_tiff(const std::filesystem::path& path, const PyramidInfo& info,
                        const std::function<Image(int y, int rows)>& band);

}  // namespace fovea::io
