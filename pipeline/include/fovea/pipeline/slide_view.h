// A slide for looking at: a pyramid of square 8-bit RGB tiles over any file, whatever levels it stores.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <fovea/io/image.h>

namespace fovea::pipeline {

struct ViewLevel {
  std::int64_t width = 0, height = 0;  ///< pixels
  double downsample = 1;               ///< level-0 pixels per pixel
};

struct SlideViewInfo {
  std::int64_t width = 0, height = 0;                                            ///< level-0 pixels
  std::int64_t bounds_x = 0, bounds_y = 0, bounds_width = 0, bounds_height = 0;  ///< scanned area
  double mpp = 0;                         ///< micrometres per level-0 pixel; 0 = unknown
  std::string mpp_source;                 ///< "aperio.MPP", "user", ...
  bool mpp_estimated = false;             ///< from a nominal power
  std::optional<double> objective_power;  ///< as the file says
  std::string vendor, identity;           ///< identity: hash without patient data
  std::vector<ViewLevel> levels;          ///< finest first; each about half the one before, or what the file stores
  std::vector<std::string> notices;
};

/// Thread-safe. The decoder runs in helper processes: a file that crashes it is an Error, not the end of the window.
class SlideView {
 public:
  static constexpr int kTilePx = 256;

  /// Errors of io::open_slide. `mpp` wins over what the file says. Label and macro images are never read.
  explicit SlideView(const std::filesystem::path& path, std::optional<double> mpp = {});
  ~SlideView();
  SlideView(const SlideView&) = delete;
  SlideView& operator=(const SlideView&) = delete;

  const SlideViewInfo& info() const;

  /// The tile in `column`, `row` of `level`; smaller at the right and lower edge. A level that the file does not store
  /// is averaged from the next finer one, at most 16-fold and in pieces: no level is ever held in memory.
  /// Error(kCorrupt) names level and place; Error(kCancelled).
  io::Image read_tile(int level, std::int64_t column, std::int64_t row, std::stop_token stop = {}) const;

  /// Any region: top-left in level-0 pixels, `width` x `height` pixels of `level`.
  io::Image read_region(int level, double x0, double y0, int width, int height, std::stop_token stop = {}) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fovea::pipeline
