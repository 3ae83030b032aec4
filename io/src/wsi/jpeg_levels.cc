// Which TIFF directory is which level, and where its JPEG tiles lie.
#include <cstring>

#include <tiffio.h>

#include "wsi/jpeg_tiles.h"

namespace fovea::io {
namespace {

constexpr int kMaxDirectories = 256;          // more are a damaged chain, not a slide
constexpr std::int64_t kMaxTileEdge = 8192;   // a tile is held in memory
constexpr std::int64_t kMaxTiles = 64 << 20;  // offsets are held in memory

std::uint32_t number(TIFF* tiff, std::uint32_t tag) {
  std::uint32_t value = 0;
  return TIFFGetField(tiff, tag, &value) ? value : 0;
}

std::uint16_t defaulted(TIFF* tiff, std::uint32_t tag) {
  std::uint16_t value = 0;
  return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : 0;
}

/// The current directory, when its tiles are of the one kind that is decoded here.
std::optional<JpegLevel> level_of(TIFF* tiff) {
  const std::uint16_t photometric = defaulted(tiff, TIFFTAG_PHOTOMETRIC);
  if (!TIFFIsTiled(tiff) || defaulted(tiff, TIFFTAG_COMPRESSION) != COMPRESSION_JPEG ||
      defaulted(tiff, TIFFTAG_BITSPERSAMPLE) != 8 || defaulted(tiff, TIFFTAG_SAMPLESPERPIXEL) != 3 ||
      defaulted(tiff, TIFFTAG_PLANARCONFIG) != PLANARCONFIG_CONTIG ||
      (photometric != PHOTOMETRIC_YCBCR && photometric != PHOTOMETRIC_RGB))
    return {};
  JpegLevel level;
  level.width = number(tiff, TIFFTAG_IMAGEWIDTH), level.height = number(tiff, TIFFTAG_IMAGELENGTH);
  level.tile_width = number(tiff, TIFFTAG_TILEWIDTH), level.tile_height = number(tiff, TIFFTAG_TILELENGTH);
  level.ycbcr = photometric == PHOTOMETRIC_YCBCR;
  if (level.width < 1 || level.height < 1 || level.tile_width < 1 || level.tile_height < 1 ||
      level.tile_width > kMaxTileEdge || level.tile_height > kMaxTileEdge)
    return {};
  level.columns = (level.width + level.tile_width - 1) / level.tile_width;
  const std::int64_t tiles = level.columns * ((level.height + level.tile_height - 1) / level.tile_height);
  std::uint64_t *offsets = nullptr, *bytes = nullptr;
  if (tiles > kMaxTiles || TIFFNumberOfTiles(tiff) != static_cast<std::uint64_t>(tiles) ||
      !TIFFGetField(tiff, TIFFTAG_TILEOFFSETS, &offsets) || !TIFFGetField(tiff, TIFFTAG_TILEBYTECOUNTS, &bytes) ||
      !offsets || !bytes)
    return {};
  level.offsets.assign(offsets, offsets + tiles), level.bytes.assign(bytes, bytes + tiles);
  std::uint32_t length = 0;
  const std::uint8_t* tables = nullptr;
  if (TIFFGetField(tiff, TIFFTAG_JPEGTABLES, &length, &tables) && tables) level.tables.assign(tables, tables + length);
  return level;
}

bool fits(const JpegLevel& ours, const SlideLevel& theirs) {
  return ours.width == theirs.width && ours.height == theirs.height && ours.tile_width == theirs.tile_width &&
         ours.tile_height == theirs.tile_height;
}

}  // namespace

std::vector<std::optional<JpegLevel>> find_jpeg_levels(const std::filesystem::path& path,
                                                       std::span<const SlideLevel> levels) {
  TIFFSetWarningHandler(nullptr);
  TIFFSetErrorHandler(nullptr);
  // "m": read, do not map, so that a file that shrinks meanwhile cannot fault.
  const std::unique_ptr<TIFF, decltype(&TIFFClose)> tiff(TIFFOpen(path.c_str(), "rm"), TIFFClose);
  if (!tiff) return {};
  std::vector<std::optional<JpegLevel>> found(levels.size());
  std::vector<int> candidates(levels.size(), 0);
  int directories = 0;
  do {
    const std::uint32_t width = number(tiff.get(), TIFFTAG_IMAGEWIDTH),
                        height = number(tiff.get(), TIFFTAG_IMAGELENGTH);
    for (std::size_t i = 0; i < levels.size(); ++i) {
      if (!TIFFIsTiled(tiff.get()) || levels[i].width != width || levels[i].height != height) continue;
      auto level = level_of(tiff.get());
      const bool usable = ++candidates[i] == 1 && level && fits(*level, levels[i]);
      found[i] = usable ? std::move(level) : std::nullopt;
    }
  } while (++directories < kMaxDirectories && TIFFReadDirectory(tiff.get()));
  return found;
}

}  // namespace fovea::io
