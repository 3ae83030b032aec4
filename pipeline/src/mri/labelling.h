// From the probabilities of classes to labels, class by class and part by part: no more than one class's probabilities
// of a native volume are ever held.
#pragma once

#include <cstdint>
#include <vector>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

class Labelling {
 public:
  /// `thresholds`: one per foreground class. A voxel's label is the class whose probability is highest among those that
  /// reach their threshold (the first of equals), 0 where none does; or what `given` says, where it is not empty.
  Labelling(const Index3& size, std::vector<double> thresholds, std::vector<std::uint8_t> given = {});

  /// The probabilities of class `label` (1, 2, ... in this order) in a box of the volume; 0 elsewhere. Parts of a class
  /// must not overlap.
  void merge(std::size_t label, const Grid& part, const Index3& begin);

  std::vector<std::uint8_t>& labels() { return labels_; }
  Grid& highest() { return highest_; }  ///< probability of any class
  /// Of each voxel's own label, where that can be another one's than the highest; else empty.
  Grid& own() { return own_; }

 private:
  std::vector<double> thresholds_;
  bool given_;
  std::vector<std::uint8_t> labels_;
  Grid highest_, own_;
};

/// The same of whole grids, one per foreground class.
std::vector<std::uint8_t> labelled(const std::vector<Grid>& foreground, const std::vector<double>& thresholds);

}  // namespace fovea::pipeline::mri
