// Tile coordinates made by CLAM or TRIDENT: found by slide, and turned into what to read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fovea/io/bag.h>
#include <fovea/io/slide.h>

#include "slide/read_plan.h"

namespace fovea::pipeline::slide {

class CoordsFolder {
 public:
  /// `folder`: the one that holds the files, or the one above (`patches` in it).
  explicit CoordsFolder(const std::filesystem::path& folder);
  /// ID.h5 (CLAM) or ID_patches.h5 (TRIDENT). Error(kNotFound / kCorrupt).
  io::FeatureBag of(const std::string& id) const;
  /// Of any one file, for what all have in common. Error(kNotFound) when there is none.
  io::FeatureBag any() const;

 private:
  std::filesystem::path folder_;
};

/// Micrometres per pixel of the tiles that were asked for, by the file itself (TRIDENT: its target magnification).
std::optional<double> tile_mpp(const io::BagGeometry& geometry, const std::map<std::string, std::string>& attributes);

/// What to read for a tile of the file: CLAM's own level and size, or the level that fits TRIDENT's footprint.
/// `mpp_level0` <= 0: unknown, the scale of the tiles then is too. Error(kCorrupt) when the file does not tell the size
/// of a tile or the level is not the slide's.
ReadPlan plan_of_coords(const io::FeatureBag& coords, const std::vector<io::SlideLevel>& levels, double mpp_level0,
                        const std::string& subject);

}  // namespace fovea::pipeline::slide
