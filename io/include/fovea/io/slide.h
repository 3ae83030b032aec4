// Whole-slide images. Coordinates: (x, y) of a top-left corner in level-0 pixels, origin top-left, whatever level is
// read.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fovea/io/image.h>

namespace fovea::io {

struct SlideLevel {
  std::int64_t width = 0, height = 0;            ///< pixels of this level
  double downsample = 1;                         ///< level-0 pixels per pixel of this level
  std::int64_t tile_width = 0, tile_height = 0;  ///< storage tiles; 0 = unknown
};

struct PixelScale {
  double mpp = 0;  ///< micrometres per level-0 pixel, mean of x and y
  double mpp_x = 0, mpp_y = 0;
  std::string source;  ///< "user", "openslide.mpp-x", "aperio.MPP", "objective-power (estimated)", "tiff resolution"
  bool estimated = false;  ///< true when derived from a nominal power
};

struct SlideInfo {
  std::string vendor;                    ///< "aperio", "dicom", "plain image", ...
  std::vector<SlideLevel> levels;        ///< level 0 first; never empty
  std::optional<PixelScale> scale;       ///< absent when no property gives it: never guessed
  std::vector<std::string> scale_tried;  ///< the properties that were looked at, for the error message
  std::optional<double> objective_power;
  std::int64_t bounds_x = 0, bounds_y = 0, bounds_width = 0,
               bounds_height = 0;  ///< scanned area; whole level 0 if unknown
  std::array<std::uint8_t, 3> background{255, 255, 255};
  std::string identity;              ///< quickhash-1, or a hash of size and first/last MiB; no patient data
  std::vector<std::string> notices;  ///< e.g. mpp-x and mpp-y differ by 3 %
};

/// An open slide. Thread-safe for reading. A read error is terminal for an OpenSlide handle; this class reopens it
/// once, and throws Error(kCorrupt) naming level and position when the region still cannot be read.
class Slide {
 public:
  virtual ~Slide() = default;
  virtual const SlideInfo& info() const = 0;

  /// RGB pixels of the region whose top-left is (x0, y0) on level 0, `width` x `height` pixels of `level`, composed on
  /// the background colour. Outside the slide: background. `rgb` has width*height*3 bytes. `opaque`, when not empty,
  /// has width*height bytes and receives 0 where the slide holds no pixel (transparent), 255 elsewhere.
  virtual void read_region(int level, std::int64_t x0, std::int64_t y0, std::int64_t width, std::int64_t height,
                           std::span<std::uint8_t> rgb, std::span<std::uint8_t> opaque = {}) const = 0;
};

struct SlideOptions {
  std::optional<double> mpp;  ///< the user's value; wins over everything the file says
  /// Decode in helper processes (fovea-slide-reader): a file that crashes or hangs the decoder is Error(kCorrupt) instead
  /// of the end of this process. Costs the start of a process for each slide and thread, and a copy of the pixels.
  bool isolated = false;
  bool direct_tiles = true;  ///< decode stored JPEG tiles without OpenSlide's compositing where the pixels are the same
};

/// Opens with the first reader of the table that recognises the file (or DICOM folder). Errors: kNotFound, kUnsupported
/// (with the reason of every reader), kCorrupt. Associated images (label, macro, thumbnail) are never touched.
std::unique_ptr<Slide> open_slide(const std::filesystem::path& path, const SlideOptions& options = {});

/// Which OpenSlide library is loaded: "4.0.1", "3.4.1"; DICOM needs 4.
std::string openslide_version();

}  // namespace fovea::io
