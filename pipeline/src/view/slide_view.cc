#include <fovea/pipeline/slide_view.h>

#include <algorithm>
#include <cmath>

#include <fovea/base/error.h>
#include <fovea/io/slide.h>

#include "progress.h"

namespace fovea::pipeline {
namespace {

constexpr std::int64_t kSmallestEdge = 512;   // a level of this size ends the pyramid
constexpr std::int64_t kGreatestFactor = 16;  // of averaging: 4096 x 4096 stored pixels for a tile
constexpr std::int64_t kPiecePx = 1024;       // stored pixels read at a time
constexpr double kWidestGap = 2.9;            // stored levels further apart get levels between them

/// A level of the view: `factor` x `factor` pixels of the stored level are one of its own.
struct Source {
  int stored = 0;
  std::int64_t factor = 1;
};

/// Means of factor x factor pixels, from `from` into `to` at row `top`, left edge `left`.
void average_into(const std::vector<std::uint8_t>& from, std::int64_t width, std::int64_t height, std::int64_t factor,
                  io::Image& to, std::int64_t left, std::int64_t top) {
  const auto area = static_cast<std::uint32_t>(factor * factor);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      std::uint32_t sums[3]{};
      for (std::int64_t sy = 0; sy < factor; ++sy) {
        const std::uint8_t* pixel = from.data() + 3 * ((y * factor + sy) * width * factor + x * factor);
        for (std::int64_t sx = 0; sx < factor; ++sx, pixel += 3)
          for (int c = 0; c < 3; ++c) sums[c] += pixel[c];
      }
      std::uint8_t* out = to.at(static_cast<int>(left + x), static_cast<int>(top + y));
      for (int c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>((sums[c] + area / 2) / area);
    }
  }
}

}  // namespace

struct SlideView::State {
  std::unique_ptr<io::Slide> slide;
  SlideViewInfo info;
  std::vector<Source> sources;

  void add_level(int stored, std::int64_t factor) {
    const io::SlideLevel& level = slide->info().levels[static_cast<std::size_t>(stored)];
    info.levels.push_back({std::max<std::int64_t>(1, level.width / factor),
                           std::max<std::int64_t>(1, level.height / factor),
                           level.downsample * static_cast<double>(factor)});
    sources.push_back({stored, factor});
  }

  void build_pyramid() {
    const auto& stored = slide->info().levels;
    for (std::size_t i = 0; i < stored.size(); ++i) {
      add_level(static_cast<int>(i), 1);
      const bool last = i + 1 == stored.size();
      for (std::int64_t factor = 2; factor <= kGreatestFactor; factor *= 2) {
        const double here = stored[i].downsample * static_cast<double>(factor);
        const bool needed = last ? std::max(info.levels.back().width, info.levels.back().height) > kSmallestEdge
                                 : stored[i + 1].downsample / (here / 2) > kWidestGap;
        if (!needed) break;
        add_level(static_cast<int>(i), factor);
      }
    }
  }
};

SlideView::SlideView(const std::filesystem::path& path, std::optional<double> mpp) : state_(std::make_unique<State>()) {
  io::SlideOptions options;
  options.mpp = mpp, options.isolated = true;
  state_->slide = io::open_slide(path, options);
  const io::SlideInfo& from = state_->slide->info();
  SlideViewInfo& info = state_->info;
  info.width = from.levels.front().width, info.height = from.levels.front().height;
  info.bounds_x = from.bounds_x, info.bounds_y = from.bounds_y;
  info.bounds_width = from.bounds_width, info.bounds_height = from.bounds_height;
  if (from.scale) {
    info.mpp = from.scale->mpp, info.mpp_source = from.scale->source, info.mpp_estimated = from.scale->estimated;
  }
  info.objective_power = from.objective_power;
  info.vendor = from.vendor, info.identity = from.identity, info.notices = from.notices;
  state_->build_pyramid();
}

SlideView::~SlideView() = default;

const SlideViewInfo& SlideView::info() const {
  return state_->info;
}

io::Image SlideView::read_tile(int level, std::int64_t column, std::int64_t row, std::stop_token stop) const {
  const ViewLevel& size = state_->info.levels.at(static_cast<std::size_t>(level));
  const std::int64_t x = column * kTilePx, y = row * kTilePx;
  if (x < 0 || y < 0 || x >= size.width || y >= size.height)
    throw Error(ErrorCode::kInternal, "slide view", "a tile was asked for that does not exist");
  const int width = static_cast<int>(std::min<std::int64_t>(kTilePx, size.width - x));
  const int height = static_cast<int>(std::min<std::int64_t>(kTilePx, size.height - y));
  return read_region(level, static_cast<double>(x) * size.downsample, static_cast<double>(y) * size.downsample, width,
                     height, std::move(stop));
}

io::Image SlideView::read_region(int level, double x0, double y0, int width, int height, std::stop_token stop) const {
  const Source source = state_->sources.at(static_cast<std::size_t>(level));
  const double downsample = state_->slide->info().levels[static_cast<std::size_t>(source.stored)].downsample;
  const std::int64_t left = std::llround(x0 / downsample), top = std::llround(y0 / downsample);
  io::Image image(width, height, 3);
  const std::int64_t piece = std::max<std::int64_t>(1, kPiecePx / source.factor);
  std::vector<std::uint8_t> pixels;
  for (std::int64_t y = 0; y < height; y += piece) {
    for (std::int64_t x = 0; x < width; x += piece) {
      throw_if_stopped(stop);
      const std::int64_t w = std::min<std::int64_t>(piece, width - x), h = std::min<std::int64_t>(piece, height - y);
      const std::int64_t read_width = w * source.factor, read_height = h * source.factor;
      pixels.resize(static_cast<std::size_t>(3 * read_width * read_height));
      state_->slide->read_level(source.stored, left + x * source.factor, top + y * source.factor, read_width,
                                read_height, pixels);
      average_into(pixels, w, h, source.factor, image, x, y);
    }
  }
  return image;
}

}  // namespace fovea::pipeline
