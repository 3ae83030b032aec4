#include "mri/labelling.h"

#include <algorithm>
#include <utility>

namespace fovea::pipeline::mri {

Labelling::Labelling(const Index3& size, std::vector<double> thresholds, std::vector<std::uint8_t> given)
    : thresholds_(std::move(thresholds)), given_(!given.empty()), labels_(std::move(given)), highest_(size) {
  if (!given_) labels_.resize(highest_.values.size());
  const bool alike = std::all_of(thresholds_.begin(), thresholds_.end(), [&](double t) { return t == thresholds_[0]; });
  // With one threshold for all, the class with a voxel's highest probability is its label, if it has any.
  if (thresholds_.size() > 1 && (given_ || !alike)) own_ = Grid(size);
}

void Labelling::merge(std::size_t label, const Grid& part, const Index3& begin) {
  const double threshold = thresholds_[label - 1];
  const bool apart = !own_.values.empty();
  const float* p = part.values.data();
  for (std::int64_t z = 0; z < part.size[2]; ++z)
    for (std::int64_t y = 0; y < part.size[1]; ++y) {
      const std::size_t row = highest_.at(begin[0], begin[1] + y, begin[2] + z);
      for (std::size_t i = row; i < row + static_cast<std::size_t>(part.size[0]); ++i, ++p) {
        if (given_) {
          if (apart && labels_[i] == label) own_.values[i] = *p;
        } else if (*p >= threshold && (labels_[i] == 0 || *p > (apart ? own_ : highest_).values[i])) {
          labels_[i] = static_cast<std::uint8_t>(label);
          if (apart) own_.values[i] = *p;
        }
        highest_.values[i] = std::max(highest_.values[i], *p);
      }
    }
}

std::vector<std::uint8_t> labelled(const std::vector<Grid>& foreground, const std::vector<double>& thresholds) {
  Labelling labelling(foreground.front().size, thresholds);
  for (std::size_t c = 0; c < foreground.size(); ++c) labelling.merge(c + 1, foreground[c], {0, 0, 0});
  return std::move(labelling.labels());
}

}  // namespace fovea::pipeline::mri
