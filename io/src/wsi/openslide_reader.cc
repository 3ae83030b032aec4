// OpenSlide: compiled with the 3.4.1 headers, run with 4.0.1 where ./run deps fetched it. A read error is terminal for
// a handle, so the handle is replaced once. Associated images are never touched: one malformed DICOM thumbnail crashes
// the library.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include <openslide.h>

#include <fovea/base/error.h>

#include "wsi/jpeg_tiles.h"
#include "wsi/slide_readers.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kBandPixels = 4 << 20;  // rows are read in bands of at most this many pixels
// OpenSlide draws in 1/256 of a pixel: nearer than this to a whole pixel it copies, else it interpolates.
constexpr double kWholePixel = 1.0 / 1024;
constexpr int kPictureContrast = 32;  // of 255: more than glass and its noise

struct CloseSlide {
  void operator()(openslide_t* slide) const { openslide_close(slide); }
};
using Osr = std::unique_ptr<openslide_t, CloseSlide>;

std::string error_of(openslide_t* slide) {
  const char* message = openslide_get_error(slide);
  return message ? message : "";
}

std::map<std::string, std::string> properties_of(openslide_t* slide) {
  std::map<std::string, std::string> properties;
  for (const char* const* name = openslide_get_property_names(slide); name && *name; ++name)
    if (const char* value = openslide_get_property_value(slide, *name)) properties[*name] = value;
  return properties;
}

std::int64_t whole(const std::map<std::string, std::string>& properties, const std::string& name,
                   std::int64_t otherwise) {
  const auto found = properties.find(name);
  return found == properties.end() ? otherwise : std::strtoll(found->second.c_str(), nullptr, 10);
}

/// The file to hand to OpenSlide: itself, or one member of a DICOM folder (the library gathers the others).
std::optional<fs::path> member_of(const fs::path& path) {
  if (!fs::is_directory(path)) return path;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files)
    if (const char* vendor = openslide_detect_vendor(file.c_str()); vendor && std::strcmp(vendor, "dicom") == 0)
      return file;
  return {};
}

class OpenSlideSlide final : public Slide {
 public:
  OpenSlideSlide(fs::path member, Osr osr, const fs::path& shown, const SlideOptions& options)
      : member_(std::move(member)), shown_(shown.string()), osr_(std::move(osr)) {
    describe(options);
    // Other vendors' tiles overlap, or lie in several areas.
    if (options.direct_tiles && (info_.vendor == "aperio" || info_.vendor == "generic-tiff"))
      tiles_ = JpegTiles::open(member_, info_.levels);
    trust_ = std::vector<std::atomic<Trust>>(info_.levels.size());
  }

  const SlideInfo& info() const override { return info_; }

  void read_region(int level, std::int64_t x0, std::int64_t y0, std::int64_t width, std::int64_t height,
                   std::span<std::uint8_t> rgb, std::span<std::uint8_t> opaque) const override {
    if (level < 0 || level >= static_cast<int>(info_.levels.size()) || width < 1 || height < 1 ||
        rgb.size() != static_cast<std::size_t>(3 * width * height) ||
        (!opaque.empty() && opaque.size() != static_cast<std::size_t>(width * height)))
      throw Error(ErrorCode::kInternal, shown_, "a region was asked for that does not exist");
    const bool direct = read_direct(level, x0, y0, width, height, rgb, opaque);
    if (direct && trust_[static_cast<std::size_t>(level)] == Trust::kProven) return;
    std::vector<std::uint8_t> ours;
    if (direct) ours.assign(rgb.begin(), rgb.end());
    read_composed(level, x0, y0, width, height, rgb, opaque);
    if (direct) judge(level, ours, rgb);
  }

 private:
  enum class Trust { kUnproven, kProven, kRefuted };

  bool read_direct(int level, std::int64_t x0, std::int64_t y0, std::int64_t width, std::int64_t height,
                   std::span<std::uint8_t> rgb, std::span<std::uint8_t> opaque) const {
    if (!tiles_ || !tiles_->has(level) || trust_[static_cast<std::size_t>(level)] == Trust::kRefuted) return false;
    const double downsample = info_.levels[static_cast<std::size_t>(level)].downsample;
    const double x = static_cast<double>(x0) / downsample, y = static_cast<double>(y0) / downsample;
    if (std::abs(x - std::round(x)) > kWholePixel || std::abs(y - std::round(y)) > kWholePixel) return false;
    return tiles_->read(level, std::llround(x), std::llround(y), width, height, info_.background, rgb, opaque);
  }
  /// The first regions of a level are read both ways, until one with a picture in it agrees: a region of one colour
  /// proves nothing about colour spaces.
  void judge(int level, std::span<const std::uint8_t> ours, std::span<const std::uint8_t> theirs) const {
    std::atomic<Trust>& trust = trust_[static_cast<std::size_t>(level)];
    if (!std::equal(ours.begin(), ours.end(), theirs.begin())) {
      trust = Trust::kRefuted;
    } else if (trust == Trust::kUnproven) {
      const auto [low, high] = std::minmax_element(ours.begin(), ours.end());
      if (*high - *low > kPictureContrast) trust = Trust::kProven;
    }
  }

  void read_composed(int level, std::int64_t x0, std::int64_t y0, std::int64_t width, std::int64_t height,
                     std::span<std::uint8_t> rgb, std::span<std::uint8_t> opaque) const {
    const std::int64_t band = std::clamp<std::int64_t>(kBandPixels / width, 1, height);
    std::vector<std::uint32_t> pixels(static_cast<std::size_t>(width * band));
    const double downsample = info_.levels[static_cast<std::size_t>(level)].downsample;
    for (std::int64_t row = 0; row < height; row += band) {
      const std::int64_t rows = std::min(band, height - row);
      read_band(level, x0, y0 + static_cast<std::int64_t>(static_cast<double>(row) * downsample + 0.5), width, rows,
                pixels.data());
      const auto count = static_cast<std::size_t>(width * rows), start = static_cast<std::size_t>(row * width);
      compose(pixels.data(), count, rgb.data() + 3 * start, opaque.empty() ? nullptr : opaque.data() + start);
    }
  }

  void describe(const SlideOptions& options) {
    const auto properties = properties_of(osr_.get());
    const auto text = [&](const char* name) {
      const auto found = properties.find(name);
      return found == properties.end() ? std::string{} : found->second;
    };
    info_.vendor = text("openslide.vendor");
    for (int level = 0; level < openslide_get_level_count(osr_.get()); ++level) {
      SlideLevel entry;
      openslide_get_level_dimensions(osr_.get(), level, &entry.width, &entry.height);
      entry.downsample = openslide_get_level_downsample(osr_.get(), level);
      const std::string prefix = "openslide.level[" + std::to_string(level) + "].";
      entry.tile_width = whole(properties, prefix + "tile-width", 0);
      entry.tile_height = whole(properties, prefix + "tile-height", 0);
      info_.levels.push_back(entry);
    }
    if (info_.levels.empty() || info_.levels[0].width < 1)
      throw Error(ErrorCode::kCorrupt, shown_, "the slide has no readable level", "Export or copy it again.");
    info_.bounds_x = whole(properties, "openslide.bounds-x", 0);
    info_.bounds_y = whole(properties, "openslide.bounds-y", 0);
    info_.bounds_width = whole(properties, "openslide.bounds-width", info_.levels[0].width);
    info_.bounds_height = whole(properties, "openslide.bounds-height", info_.levels[0].height);
    if (const std::string colour = text("openslide.background-color"); colour.size() == 6) {
      const auto value = std::strtoul(colour.c_str(), nullptr, 16);
      info_.background = {static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 8),
                          static_cast<std::uint8_t>(value)};
    }
    info_.identity = text("openslide.quickhash-1");
    if (info_.identity.empty()) info_.identity = identity_of(member_);
    find_scale(properties, options, info_);
  }

  /// Many readers share the handle; the one that meets an error replaces it while the others wait.
  void read_band(int level, std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height,
                 std::uint32_t* pixels) const {
    openslide_t* used = nullptr;
    {
      std::shared_lock lock(mutex_);
      used = osr_.get();
      if (used && try_read(used, level, x, y, width, height, pixels)) return;
    }
    std::unique_lock lock(mutex_);
    if (osr_.get() == used || !osr_) reopen();
    if (osr_ && try_read(osr_.get(), level, x, y, width, height, pixels)) return;
    const std::string reason = osr_ ? error_of(osr_.get()) : "it cannot be opened again";
    reopen();  // the next tile gets a fresh handle
    throw Error(ErrorCode::kCorrupt, shown_,
                "level " + std::to_string(level) + " cannot be read at x " + std::to_string(x) + ", y " +
                    std::to_string(y) + " (" + reason + ")",
                "Copy the slide again, or pass --allow-unreadable-tiles.");
  }
  static bool try_read(openslide_t* slide, int level, std::int64_t x, std::int64_t y, std::int64_t width,
                       std::int64_t height, std::uint32_t* pixels) {
    openslide_read_region(slide, pixels, x, y, level, width, height);
    return openslide_get_error(slide) == nullptr;
  }
  void reopen() const {
    osr_.reset(openslide_open(member_.c_str()));
    if (osr_ && openslide_get_error(osr_.get())) osr_.reset();
  }

  /// Premultiplied ARGB onto the background colour.
  void compose(const std::uint32_t* argb, std::size_t count, std::uint8_t* rgb, std::uint8_t* opaque) const {
    for (std::size_t i = 0; i < count; ++i, rgb += 3) {
      const std::uint32_t pixel = argb[i], alpha = pixel >> 24, rest = 255 - alpha;
      rgb[0] = static_cast<std::uint8_t>(((pixel >> 16) & 0xff) + (info_.background[0] * rest + 127) / 255);
      rgb[1] = static_cast<std::uint8_t>(((pixel >> 8) & 0xff) + (info_.background[1] * rest + 127) / 255);
      rgb[2] = static_cast<std::uint8_t>((pixel & 0xff) + (info_.background[2] * rest + 127) / 255);
      if (opaque) opaque[i] = alpha == 0 ? 0 : 255;
    }
  }

  fs::path member_;
  std::string shown_;
  SlideInfo info_;
  mutable std::shared_mutex mutex_;
  mutable Osr osr_;
  std::unique_ptr<JpegTiles> tiles_;
  mutable std::vector<std::atomic<Trust>> trust_;
};

}  // namespace

std::string openslide_version() {
  return openslide_get_version();
}

std::unique_ptr<Slide> open_with_openslide(const fs::path& path, const SlideOptions& options, std::string& reason) {
  const auto member = member_of(path);
  if (!member) {
    reason = "the folder holds no DICOM slide";
    return nullptr;
  }
  if (!openslide_detect_vendor(member->c_str())) {
    reason = "no format that OpenSlide " + openslide_version() + " knows";
    if (openslide_version()[0] == '3') reason += " (DICOM needs OpenSlide 4)";
    return nullptr;
  }
  Osr osr(openslide_open(member->c_str()));
  if (!osr || openslide_get_error(osr.get()))
    throw Error(ErrorCode::kCorrupt, path.string(),
                "the slide cannot be opened (" + (osr ? error_of(osr.get()) : std::string("damaged")) + ")",
                "Copy it again; the file may be truncated.");
  return std::make_unique<OpenSlideSlide>(*member, std::move(osr), path, options);
}

}  // namespace fovea::io
