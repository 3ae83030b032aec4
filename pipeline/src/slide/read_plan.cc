#include "slide/read_plan.h"

#include <cmath>

#include <fovea/base/error.h>

#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

constexpr double kCoarserTolerance = 0.02;  // a "20x" slide of 0.505 um/px still serves a 0.5 um/px model
constexpr double kLevelTolerance = 1.01;    // swallows a downsample of 4.0010 against 4
constexpr double kSnapTolerance = 0.01;     // closer than this to a whole factor: read without fractional resampling

int chosen_level(std::span<const io::SlideLevel> levels, double scale) {
  int level = 0;
  for (std::size_t i = 0; i < levels.size(); ++i)
    if (levels[i].downsample <= scale * kLevelTolerance) level = static_cast<int>(i);
  return level;
}

}  // namespace

std::int64_t rounded_px(double value) {
  return std::llround(value);
}

ReadPlan plan_reads(std::span<const io::SlideLevel> levels, double mpp_level0, const ReadRequest& request,
                    const std::string& subject) {
  double scale = request.target_mpp / mpp_level0;  // level-0 pixels per target pixel
  if (scale < 1 - kCoarserTolerance && !request.allow_upsampling)
    throw Error(ErrorCode::kUsage, subject,
                "the slide has " + number_text(mpp_level0) + " um/px, coarser than the " +
                    number_text(request.target_mpp) + " um/px that the model wants",
                "Choose a model for this scale, set --target-mpp, or pass --allow-upsampling.");
  if (request.overlap_px < 0 || request.overlap_px >= request.tile_px)
    throw Error(ErrorCode::kUsage, subject,
                "an overlap of " + std::to_string(request.overlap_px) + " px does not fit a tile of " +
                    std::to_string(request.tile_px) + " px",
                "Pass --overlap from 0 to below the tile edge.");

  ReadPlan plan;
  plan.level = chosen_level(levels, scale);
  plan.level_downsample = levels[static_cast<std::size_t>(plan.level)].downsample;
  plan.tile_px = request.tile_px;
  plan.overlap_px = request.overlap_px;
  plan.mpp_level0 = mpp_level0;
  plan.mpp_wanted = request.target_mpp;
  const double tile = static_cast<double>(request.tile_px);
  plan.read_px = std::max<std::int64_t>(1, rounded_px(tile * scale / plan.level_downsample));

  const double factor = static_cast<double>(plan.read_px) / tile;
  const double whole = std::round(factor);
  if (whole >= 1 && std::abs(factor - whole) <= kSnapTolerance * whole) {
    plan.read_px = request.tile_px * static_cast<std::int64_t>(whole);
    scale = whole * plan.level_downsample;  // what a target pixel truly covers from here on
  }
  plan.mpp_tile = scale * mpp_level0;
  plan.footprint_px = std::max<std::int64_t>(1, rounded_px(tile * scale));
  plan.step_px =
      std::max<std::int64_t>(1, rounded_px(static_cast<double>(request.tile_px - request.overlap_px) * scale));
  return plan;
}

std::int64_t parse_overlap(const std::string& text, std::int64_t tile_px) {
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  double value = 0;
  char unit = 0;
  const bool number = static_cast<bool>(stream >> value);
  const bool percent = number && (stream >> unit) && unit == '%' && (stream >> std::ws).eof();
  if (!number || (unit != 0 && !percent) || value < 0 || (percent && value >= 100))
    throw Error(ErrorCode::kUsage, "--overlap",
                "'" + text + "' is neither a number of target pixels nor a percentage of the tile",
                "Pass for instance 112 or 50%.");
  return rounded_px(percent ? static_cast<double>(tile_px) * value / 100 : value);
}

}  // namespace fovea::pipeline::slide
