#include "wsi/jpeg_tiles.h"

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

#include "wsi/jpeg_decoder.h"

namespace fovea::io {
namespace {

constexpr std::size_t kCacheBytes = 48 << 20;
constexpr std::uint64_t kMaxTileBytes = 64 << 20;  // compressed; more is a damaged count

bool read_all(int file, std::uint64_t offset, std::span<std::uint8_t> out) {
  for (std::size_t done = 0; done < out.size();) {
    const ssize_t count = pread(file, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

/// The part of one stored tile that a region takes: source position inside the tile, destination inside the region.
struct JpegTiles::Piece {
  int level;
  std::size_t tile;
  std::int64_t from_x, from_y, width, height;
  std::uint8_t* rgb;
  std::size_t stride;
};

std::unique_ptr<JpegTiles> JpegTiles::open(const std::filesystem::path& path, std::span<const SlideLevel> levels) {
  auto found = find_jpeg_levels(path, levels);
  if (std::none_of(found.begin(), found.end(), [](const auto& level) { return level.has_value(); })) return nullptr;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return nullptr;
  return std::unique_ptr<JpegTiles>(new JpegTiles(file, std::move(found)));
}

JpegTiles::JpegTiles(int file, std::vector<std::optional<JpegLevel>> levels)
    : file_(file), levels_(std::move(levels)), cache_(kCacheBytes) {}

JpegTiles::~JpegTiles() {
  ::close(file_);
}

bool JpegTiles::read(int level, std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height,
                     const std::array<std::uint8_t, 3>& background, std::span<std::uint8_t> rgb,
                     std::span<std::uint8_t> opaque) const {
  const JpegLevel& stored = *levels_[static_cast<std::size_t>(level)];
  const std::int64_t left = std::max<std::int64_t>(x, 0), top = std::max<std::int64_t>(y, 0);
  const std::int64_t right = std::min(x + width, stored.width), bottom = std::min(y + height, stored.height);
  const bool whole = left == x && top == y && right == x + width && bottom == y + height;
  if (!whole) {
    for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = background[i % 3];
  }
  std::fill(opaque.begin(), opaque.end(), whole ? std::uint8_t{255} : std::uint8_t{0});
  if (left >= right || top >= bottom) return true;
  if (!whole && !opaque.empty())
    for (std::int64_t row = top; row < bottom; ++row)
      std::fill_n(opaque.begin() + (row - y) * width + (left - x), right - left, std::uint8_t{255});

  const auto stride = static_cast<std::size_t>(3 * width);
  for (std::int64_t row = top / stored.tile_height; row * stored.tile_height < bottom; ++row) {
    for (std::int64_t column = left / stored.tile_width; column * stored.tile_width < right; ++column) {
      const std::int64_t tile_x = column * stored.tile_width, tile_y = row * stored.tile_height;
      const std::int64_t from_x = std::max(left, tile_x), from_y = std::max(top, tile_y);
      const Piece piece{level,
                        static_cast<std::size_t>(row * stored.columns + column),
                        from_x - tile_x,
                        from_y - tile_y,
                        std::min(right, tile_x + stored.tile_width) - from_x,
                        std::min(bottom, tile_y + stored.tile_height) - from_y,
                        rgb.data() + static_cast<std::size_t>(from_y - y) * stride + 3 * (from_x - x),
                        stride};
      if (!read_piece(piece)) return false;
    }
  }
  return true;
}

/// A whole tile goes straight to its place; a part of one is cut from the decoded tile, which the neighbouring reads
/// will want too.
bool JpegTiles::read_piece(const Piece& piece) const {
  const JpegLevel& stored = *levels_[static_cast<std::size_t>(piece.level)];
  const std::uint64_t key = (static_cast<std::uint64_t>(piece.level) << 48) | piece.tile;
  TileCache::Pixels pixels = cache_.get(key);
  if (!pixels) {
    if (piece.width == stored.tile_width && piece.height == stored.tile_height)
      return decode(stored, piece.tile, piece.rgb, piece.stride);
    auto decoded = std::make_shared<std::vector<std::uint8_t>>(
        static_cast<std::size_t>(3 * stored.tile_width * stored.tile_height));
    if (!decode(stored, piece.tile, decoded->data(), static_cast<std::size_t>(3 * stored.tile_width))) return false;
    pixels = std::move(decoded);
    cache_.put(key, pixels);
  }
  const auto count = static_cast<std::size_t>(3 * piece.width);
  for (std::int64_t row = 0; row < piece.height; ++row)
    std::copy_n(pixels->data() + 3 * ((piece.from_y + row) * stored.tile_width + piece.from_x), count,
                piece.rgb + static_cast<std::size_t>(row) * piece.stride);
  return true;
}

bool JpegTiles::decode(const JpegLevel& level, std::size_t tile, std::uint8_t* rgb, std::size_t stride) const {
  const std::uint64_t bytes = level.bytes[tile];
  if (bytes == 0 || bytes > kMaxTileBytes) return false;
  thread_local JpegDecoder decoder;
  thread_local std::vector<std::uint8_t> data;
  data.resize(bytes);
  return read_all(file_, level.offsets[tile], data) &&
         decoder.decode(level.tables, data, level.ycbcr, static_cast<int>(level.tile_width),
                        static_cast<int>(level.tile_height), rgb, stride);
}

}  // namespace fovea::io
