// Feature bags: one slide's instances as [N, D] features and, where known, their places on the slide.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fovea/io/array.h>

namespace fovea::io {

/// Where the tiles of a bag lie. Everything is in level-0 pixels unless the name says otherwise.
struct BagGeometry {
  double footprint_px = 0;             ///< edge of one tile on level 0; 0 = unknown
  std::optional<double> mpp_level0;    ///< micrometres per level-0 pixel
  std::optional<double> mpp_target;    ///< micrometres per pixel at which tiles were encoded
  std::int64_t tile_px = 0;            ///< edge of a tile at the target scale (TRIDENT's patch_size)
  std::int64_t level = -1;             ///< level that was read (CLAM's patch_level); -1 = unknown
  std::int64_t read_px = 0;            ///< edge of the region read on that level
  std::int64_t width = 0, height = 0;  ///< level-0 size of the slide; 0 = unknown
  double level_downsample = 0;         ///< of `level`; 0 = unknown
};

struct FeatureBag {
  Array features;                    ///< [N, D], float16 or float32; N may be 0 (a slide without tissue)
  std::vector<std::int64_t> coords;  ///< 2N values x0,y0,x1,y1,... top-left corners on level 0; empty = unknown
  BagGeometry geometry;
  std::string encoder;                            ///< name, empty = unknown
  std::string slide;                              ///< slide identifier, empty = unknown
  std::optional<std::int64_t> label;              ///< class index where the layout stores one (ACMIL)
  std::map<std::string, std::string> attributes;  ///< every other attribute found, as text
  std::vector<std::int64_t> instance_labels;      ///< N values where the file has `inst_label`; else empty
};

enum class BagLayout { kTrident, kClam };

/// Reads one bag from CLAM, TRIDENT or ACMIL HDF5, `.pt` (bare tensor), `.safetensors` (tensor `features`, optional
/// `coords`, or the single tensor in it; `key` names another) or `.npy`. `key` selects the group of a multi-bag ACMIL
/// file (or a tensor). Errors: kUnsupported for slide-level vectors [D], for old CLAM image bags (`imgs`), for several
/// bags without `key` (the message lists the first names); kShape when coords and features disagree; kCorrupt
/// otherwise.
FeatureBag read_bag(const std::filesystem::path& path, const std::optional<std::string>& key = {});

/// Group names of a multi-bag ACMIL file in file order; empty for single-bag files.
std::vector<std::string> list_bags(const std::filesystem::path& path);

/// Atomic. kTrident: `features` (with attributes) and `coords` as TRIDENT writes them plus our extra attributes (wsi.md
/// section 3); kClam: `features` float32 and `coords` int32. Row by row: bag_writer.h.
void write_bag(const std::filesystem::path& path, const FeatureBag& bag, BagLayout layout);

/// Tile coordinates files: TRIDENT's and CLAM's `patches/*.h5` both ways. Attributes are written as text.
void write_patches(const std::filesystem::path& path, const FeatureBag& bag, BagLayout layout);
FeatureBag read_patches(const std::filesystem::path& path);  ///< features stay empty [N,0]

}  // namespace fovea::io
