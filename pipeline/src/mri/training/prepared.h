// A case in memory as the network's lattice has it, before windows are drawn from it: the steps that inference does as
// well.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "mri/healthy_half.h"
#include "mri/training/cases.h"

namespace fovea::pipeline::mri::training {

struct Prepared {
  Index3 size{0, 0, 0};
  Vec3 spacing_mm{1, 1, 1};          ///< of these voxels; pictures say nothing of their thickness, which is 1
  std::vector<Grid> channels;        ///< one a modality; without values: the case lacks it
  std::vector<std::uint8_t> label;   ///< as a Grid's values
  std::vector<std::int64_t> marked;  ///< some of the labelled voxels, evenly over all of them
  std::optional<mri::Fold> healthy;  ///< pictures whose healthy half can be mirrored
  std::vector<bool> available() const;
  std::int64_t bytes() const;
};

/// Slices keep their grey values, which are normalised view by view; everything else is normalised. Error names the
/// file: unreadable, label not on the image's grid, labels that the recipe does not name, modalities on other grids.
Prepared prepare(const Case& each, const Recipe& recipe);

/// Prepared cases by index, kept while there is room. Thread-safe; two threads may prepare two cases at once.
class CaseStore {
 public:
  CaseStore(const std::vector<Case>& cases, const Recipe& recipe, std::int64_t cache_bytes)
      : cases_(cases), recipe_(recipe), room_(cache_bytes) {}
  std::shared_ptr<const Prepared> load(std::size_t index);

 private:
  const std::vector<Case>& cases_;
  const Recipe& recipe_;
  std::mutex mutex_;
  std::int64_t room_;
  std::map<std::size_t, std::shared_ptr<const Prepared>> kept_;
};

}  // namespace fovea::pipeline::mri::training
