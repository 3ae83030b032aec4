// The slides of a run one after the other, ready to be read: those that are done are passed over, the others locked,
// opened, their tissue found and their tiles chosen.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "slide/coords_folder.h"
#include "slide/feature_files.h"
#include "slide/feature_summary.h"
#include "slide/features_options.h"
#include "slide/overview.h"
#include "slide/slide_list.h"
#include "slide/slide_stream.h"

namespace fovea::pipeline::slide {

class FeatureSource {
 public:
  /// Everything is borrowed. `outcomes` has an element for each entry: those that need no work are settled here.
  FeatureSource(const FeaturesOptions& options, const JobValues& values, const std::vector<SlideEntry>& entries,
                const FeatureFiles& files, std::vector<SlideOutcome>& outcomes, std::stop_token stop);
  /// Nothing after the last. A slide that cannot be prepared comes with its error. Error(kCancelled).
  SlideWorkPtr next();

 private:
  bool settled(const SlideEntry& entry, SlideOutcome& outcome, std::optional<io::FileLock>& lock);
  bool present(const SlideEntry& entry, SlideOutcome& outcome) const;
  void prepare(const SlideEntry& entry, SlideWork& work) const;
  void choose_tiles(const SlideEntry& entry, double mpp, SlideWork& work) const;
  void guard(const SlideEntry& entry, const OverviewReading& reading, SlideWork& work) const;
  void take_coords(const SlideEntry& entry, double mpp, SlideWork& work) const;

  const FeaturesOptions& options_;
  const JobValues& values_;
  const std::vector<SlideEntry>& entries_;
  const FeatureFiles& files_;
  std::vector<SlideOutcome>& outcomes_;
  const std::stop_token stop_;
  std::optional<CoordsFolder> coords_;
  std::size_t index_ = 0;
};

}  // namespace fovea::pipeline::slide
