// One slide's rows to its files: features, coordinates and, on request, the .pt tensor.
#pragma once

#include <cstdint>
#include <vector>

#include <fovea/io/bag_writer.h>

#include "slide/feature_files.h"
#include "slide/slide_list.h"
#include "slide/slide_stream.h"

namespace fovea::pipeline::slide {

class FeatureWriter {
 public:
  FeatureWriter(const FeatureFiles& files, const SlideEntry& entry, const SlideWork& work);
  /// Leaves out the tiles that could not be read. Error(kCorrupt) when a feature is not a number (or too large for half
  /// precision), Error(kWriteFailed).
  void append(const SlideRows& rows);
  /// Coordinates first, features last: when those have their name, the slide is done. Error(kCorrupt) when the slide
  /// had tiles and none could be read.
  void commit();

  std::int64_t tiles() const { return static_cast<std::int64_t>(coords_.size()) / 2; }
  std::int64_t unreadable() const { return unreadable_; }

 private:
  const FeatureFiles& files_;
  const std::string id_;
  io::FeatureBag patches_;              // what both files say of the tiles
  std::vector<std::int64_t> of_slide_;  // the tiles to come
  std::vector<std::int64_t> coords_;    // the tiles kept
  std::int64_t unreadable_ = 0;
  io::BagWriter writer_;
};

}  // namespace fovea::pipeline::slide
