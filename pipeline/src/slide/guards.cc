#include "slide/guards.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <sstream>

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>

#include <fovea/base/error.h>

#include "progress.h"
#include "slide/mask_ops.h"
#include "slide/tile_reader.h"

namespace fovea::pipeline::slide {
namespace {

constexpr double kGuardMpp = 8;
constexpr std::int64_t kMaxGuardPixels = 64'000'000;
constexpr double kPenShare = 0.1, kBlackShare = 0.25;
constexpr double kInkLowHue = 75, kInkHighHue = 225, kInkSaturation = 0.35;
constexpr double kRedHue = 12, kRedSaturation = 0.75, kRedValue = 0.4;
constexpr int kBlackLevel = 50, kGlassLevel = 220;
constexpr double kJudgedShare = 0.1, kMinSharpness = 12;
constexpr std::int64_t kTilesAtOnce = 16;

enum Mark : std::uint8_t { kNothing, kPen, kBlack };
enum class Verdict : std::uint8_t { kKept, kPen, kBlack, kBlur, kUnreadable };

struct Marks {
  OverviewGrid grid;
  io::Image plane;  // of Mark
};

Marks find_marks(const io::Slide& slide, double mpp_level0, const GuardOptions& options,
                 const OverviewReading& reading) {
  Marks marks;
  marks.grid = overview_grid(slide.info(), kGuardMpp / mpp_level0, mpp_level0, kMaxGuardPixels);
  marks.plane = io::Image(marks.grid.width, marks.grid.height, 1);
  read_overview(slide, marks.grid, reading, [&](const OverviewBlock& block) {
    for (int y = 0; y < block.rgb.height; ++y)
      for (int x = 0; x < block.rgb.width; ++x) {
        const std::uint8_t* rgb = block.rgb.at(x, y);
        if (block.opaque[static_cast<std::size_t>(y) * block.rgb.width + x] == 0) continue;
        *marks.plane.at(block.x + x, block.y + y) = options.pen && is_pen(rgb)       ? kPen
                                                    : options.black && is_black(rgb) ? kBlack
                                                                                     : kNothing;
      }
  });
  return marks;
}

/// Of the overview pixels whose centres lie in the tile.
Verdict marked(const Marks& marks, std::int64_t x, std::int64_t y, std::int64_t footprint_px) {
  const MaskFrame& frame = marks.grid.frame;
  const auto pixel = [&](double position, double origin, int limit) {
    return std::clamp(static_cast<int>(std::ceil((position - origin) / frame.pixel_px - 0.5)), 0, limit);
  };
  const int x0 = pixel(static_cast<double>(x), frame.origin_x, marks.plane.width),
            x1 = pixel(static_cast<double>(x + footprint_px), frame.origin_x, marks.plane.width),
            y0 = pixel(static_cast<double>(y), frame.origin_y, marks.plane.height),
            y1 = pixel(static_cast<double>(y + footprint_px), frame.origin_y, marks.plane.height);
  std::array<std::int64_t, 3> counts{};
  for (int row = y0; row < y1; ++row)
    for (int column = x0; column < x1; ++column) ++counts[*marks.plane.at(column, row)];
  const double pixels = static_cast<double>(x1 - x0) * (y1 - y0);
  if (pixels <= 0) return Verdict::kKept;
  if (static_cast<double>(counts[kPen]) >= kPenShare * pixels) return Verdict::kPen;
  return static_cast<double>(counts[kBlack]) >= kBlackShare * pixels ? Verdict::kBlack : Verdict::kKept;
}

void judge_marks(const Marks& marks, std::span<const std::int64_t> coords, std::int64_t footprint_px,
                 std::vector<Verdict>& verdicts) {
  for (std::size_t i = 0; i < verdicts.size(); ++i)
    verdicts[i] = marked(marks, coords[2 * i], coords[2 * i + 1], footprint_px);
}

void judge_tiles(const io::Slide& slide, const ReadPlan& plan, bool blur, const OverviewReading& reading,
                 std::span<const std::int64_t> coords, std::vector<Verdict>& verdicts) {
  const TileReader reader(slide, plan, plan.tile_px);
  std::atomic<std::size_t> done{0};
  const oneapi::tbb::blocked_range<std::size_t> all(0, verdicts.size(), kTilesAtOnce);
  oneapi::tbb::parallel_for(all, [&](const auto& range) {
    io::Image tile(static_cast<int>(plan.tile_px), static_cast<int>(plan.tile_px), 3);
    for (std::size_t i = range.begin(); i != range.end(); ++i) {
      throw_if_stopped(reading.stop);
      if (verdicts[i] != Verdict::kKept) continue;
      if (!reader.read_or_background(coords[2 * i], coords[2 * i + 1], tile.pixels)) {
        verdicts[i] = Verdict::kUnreadable;
      } else if (const double value = blur ? sharpness(tile) : -1; value >= 0 && value < kMinSharpness) {
        verdicts[i] = Verdict::kBlur;
      }
    }
    done += range.size();
    if (reading.progress) reading.progress(static_cast<double>(done) / static_cast<double>(verdicts.size()));
  });
}

}  // namespace

GuardOptions parse_guards(const std::string& text) {
  GuardOptions options;
  std::istringstream stream(text);
  for (std::string name; std::getline(stream, name, ',');) {
    if (name == "pen") {
      options.pen = true;
    } else if (name == "black") {
      options.black = true;
    } else if (name == "blur") {
      options.blur = true;
    } else if (name != "none" || text != "none") {
      throw Error(ErrorCode::kUsage, "--guards", "'" + name + "' is no guard",
                  "Choose from pen, black, blur, separated by commas, or none.");
    }
  }
  return options;
}

bool is_pen(const std::uint8_t* rgb) {
  const int high = std::max({rgb[0], rgb[1], rgb[2]}), low = std::min({rgb[0], rgb[1], rgb[2]}), span = high - low;
  if (span == 0) return false;
  const double hue = high == rgb[0]   ? 60.0 * (rgb[1] - rgb[2]) / span
                     : high == rgb[1] ? 60.0 * (rgb[2] - rgb[0]) / span + 120
                                      : 60.0 * (rgb[0] - rgb[1]) / span + 240;  // red: -60..60
  const double saturated = static_cast<double>(span) / high;
  if (hue >= kInkLowHue && hue <= kInkHighHue) return saturated >= kInkSaturation;
  return std::abs(hue) <= kRedHue && saturated >= kRedSaturation && high >= kRedValue * 255;
}

bool is_black(const std::uint8_t* rgb) {
  return std::max({rgb[0], rgb[1], rgb[2]}) <= kBlackLevel;
}

double sharpness(const io::Image& tile) {
  std::vector<int> rows[3];
  const auto grey_row = [&](int y, std::vector<int>& out) {
    out.resize(static_cast<std::size_t>(tile.width));
    for (int x = 0; x < tile.width; ++x) out[static_cast<std::size_t>(x)] = grey(tile.at(x, y));
  };
  if (tile.width < 3 || tile.height < 3) return -1;
  grey_row(0, rows[0]), grey_row(1, rows[1]);
  std::int64_t count = 0, sum = 0, squares = 0;
  for (int y = 1; y + 1 < tile.height; ++y) {
    grey_row(y + 1, rows[(y + 1) % 3]);
    const int *above = rows[(y - 1) % 3].data(), *here = rows[y % 3].data(), *below = rows[(y + 1) % 3].data();
    for (int x = 1; x + 1 < tile.width; ++x) {
      if (here[x] >= kGlassLevel) continue;
      const int value = above[x] + below[x] + here[x - 1] + here[x + 1] - 4 * here[x];
      ++count, sum += value, squares += static_cast<std::int64_t>(value) * value;
    }
  }
  if (static_cast<double>(count) < kJudgedShare * tile.width * tile.height) return -1;
  const double mean = static_cast<double>(sum) / static_cast<double>(count);
  return static_cast<double>(squares) / static_cast<double>(count) - mean * mean;
}

GuardCounts apply_guards(const io::Slide& slide, const ReadPlan& plan, const GuardOptions& options, bool read_all,
                         const OverviewReading& reading, std::vector<std::int64_t>& coords) {
  std::vector<Verdict> verdicts(coords.size() / 2, Verdict::kKept);
  if (options.pen || options.black)
    judge_marks(find_marks(slide, plan.mpp_level0, options, reading), coords, plan.footprint_px, verdicts);
  if (options.blur || read_all) judge_tiles(slide, plan, options.blur, reading, coords, verdicts);
  GuardCounts counts;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    counts.pen += verdicts[i] == Verdict::kPen, counts.black += verdicts[i] == Verdict::kBlack;
    counts.blur += verdicts[i] == Verdict::kBlur, counts.unreadable += verdicts[i] == Verdict::kUnreadable;
    if (verdicts[i] != Verdict::kKept) continue;
    coords[2 * kept] = coords[2 * i], coords[2 * kept + 1] = coords[2 * i + 1];
    ++kept;
  }
  coords.resize(2 * kept);
  return counts;
}

}  // namespace fovea::pipeline::slide
