// Operations on 8-bit one-channel images that tissue segmentation needs, with OpenCV's meaning where a published rule
// depends on it. Ours rather than ITK's: pipeline does not link ITK, and ITK's structuring elements cannot have the
// even edge (4 x 4) of CLAM's rule.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include <fovea/io/image.h>

namespace fovea::pipeline::slide {

/// round(255 (max - min) / max); 0 for black.
std::uint8_t saturation(const std::uint8_t* rgb);
/// Rec. 601 luma, rounded.
std::uint8_t grey(const std::uint8_t* rgb);
/// Euclidean distance to white, rounded up and capped at 255, so that `> t` on the byte means `> t` on the distance.
std::uint8_t white_distance(const std::uint8_t* rgb);

/// Median of size x size (odd) with replicated borders.
void median_filter(io::Image& plane, int size);

std::array<std::int64_t, 256> histogram(const io::Image& plane);
/// Threshold t that maximises the variance between `<= t` and `> t`; the first such t.
int otsu_threshold(const std::array<std::int64_t, 256>& counts);
/// Grey level below which half of the counts lie.
int median_level(const std::array<std::int64_t, 256>& counts);

/// 255 where the plane is > threshold, else 0.
void binarise(io::Image& plane, int threshold);
/// An even square has no middle pixel: either the erosion reflects it, so that nothing moves, or it does not, as
/// OpenCV, and the mask moves by one pixel right and down.
enum class EvenSquare { kCentred, kAsOpenCv };
/// Closing with an edge x edge square of ones; the outside of the image plays no part.
void close_mask(io::Image& mask, int edge, EvenSquare even = EvenSquare::kCentred);

/// Connected runs of one value: tissue is 8-connected, background 4-connected (so that they cannot cross).
class Components {
 public:
  Components(const io::Image& mask, bool tissue);
  std::size_t count() const { return areas_.size(); }
  std::int64_t area_px(std::size_t component) const { return areas_[component]; }
  bool touches_border(std::size_t component) const { return border_[component]; }
  /// Component of a pixel of this value.
  std::size_t at(int x, int y) const;
  /// Paints every component for which `chosen` holds.
  template <class Chosen>
  void paint(io::Image& mask, std::uint8_t value, Chosen chosen) const {
    for (int y = 0; y < static_cast<int>(row_begin_.size()) - 1; ++y)
      for (std::size_t i = row_begin_[y]; i < row_begin_[y + 1]; ++i)
        if (chosen(runs_[i].component))
          std::fill(mask.at(runs_[i].begin, y), mask.at(runs_[i].begin, y) + (runs_[i].end - runs_[i].begin), value);
  }

 private:
  struct Run {
    int begin, end;
    std::size_t component;
  };
  void collect_runs(const io::Image& mask, bool tissue);
  void join_rows(bool diagonal);
  void number(int width);
  std::size_t root(std::size_t run);

  std::vector<Run> runs_;
  std::vector<std::size_t> row_begin_, parent_;
  std::vector<std::int64_t> areas_;
  std::vector<bool> border_;
};

}  // namespace fovea::pipeline::slide
