// Levels of a tiled JPEG TIFF or SVS, read without OpenSlide's compositing: stored tiles are decoded straight into the
// region. Only what is known to give OpenSlide's pixels is taken; everything else is left to it.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <fovea/io/slide.h>

#include "wsi/tile_cache.h"

namespace fovea::io {

/// A TIFF directory whose tiles are three-component 8-bit JPEG.
struct JpegLevel {
  std::int64_t width = 0, height = 0, tile_width = 0, tile_height = 0, columns = 0;
  bool ycbcr = true;                          ///< else RGB inside the JPEG (Aperio)
  std::vector<std::uint8_t> tables;           ///< abbreviated stream with what the tiles share; may be empty
  std::vector<std::uint64_t> offsets, bytes;  ///< of each tile; 0 bytes = missing
};

/// For every slide level its TIFF directory, or nothing where none or more than one fits, or its tiles are of another
/// kind. Empty when the file is no TIFF.
std::vector<std::optional<JpegLevel>> find_jpeg_levels(const std::filesystem::path& path,
                                                       std::span<const SlideLevel> levels);

class JpegTiles {
 public:
  /// Null when no level can be read this way.
  static std::unique_ptr<JpegTiles> open(const std::filesystem::path& path, std::span<const SlideLevel> levels);
  ~JpegTiles();

  bool has(int level) const { return levels_[static_cast<std::size_t>(level)].has_value(); }

  /// The region of width x height pixels at (x, y) of the level, in that level's pixels; `background` outside of it.
  /// False when a tile is missing or damaged: then OpenSlide decides what that means. Thread-safe.
  bool read(int level, std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height,
            const std::array<std::uint8_t, 3>& background, std::span<std::uint8_t> rgb,
            std::span<std::uint8_t> opaque) const;

 private:
  JpegTiles(int file, std::vector<std::optional<JpegLevel>> levels);
  struct Piece;
  bool read_piece(const Piece& piece) const;
  bool decode(const JpegLevel& level, std::size_t tile, std::uint8_t* rgb, std::size_t stride) const;

  int file_;
  std::vector<std::optional<JpegLevel>> levels_;
  mutable TileCache cache_;
};

}  // namespace fovea::io
