// Slides painted by a function, and an encoder whose features tell which pixels it saw.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <thread>

#include <ATen/ATen.h>

#include <fovea/base/error.h>
#include <fovea/io/slide.h>
#include <fovea/models/encoder.h>

namespace fovea::test {

using Rgb = std::array<std::uint8_t, 3>;
constexpr Rgb kGlass{243, 243, 243}, kTissue{190, 90, 160};

/// `paint(x, y)` gives the colour of a level-0 pixel. Lower levels are subsampled.
class PaintedSlide final : public io::Slide {
 public:
  using Paint = std::function<Rgb(std::int64_t, std::int64_t)>;
  PaintedSlide(std::int64_t width, std::int64_t height, std::vector<double> downsamples, double mpp, Paint paint)
      : paint_(std::move(paint)) {
    for (const double d : downsamples)
      info_.levels.push_back({static_cast<std::int64_t>(static_cast<double>(width) / d),
                              static_cast<std::int64_t>(static_cast<double>(height) / d), d});
    info_.scale = io::PixelScale{mpp, mpp, mpp, "test"};
    info_.bounds_width = width, info_.bounds_height = height;
    info_.identity = "painted";
  }
  const io::SlideInfo& info() const override { return info_; }
  io::SlideInfo& info() { return info_; }

  void read_region(int level, std::int64_t x0, std::int64_t y0, std::int64_t width, std::int64_t height,
                   std::span<std::uint8_t> rgb, std::span<std::uint8_t> opaque) const override {
    ++reads;
    largest_read = std::max(largest_read.load(), width * height);
    if (on_read) on_read(x0, y0);
    const double d = info_.levels.at(static_cast<std::size_t>(level)).downsample;
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        const auto sx = x0 + std::llround(static_cast<double>(x) * d),
                   sy = y0 + std::llround(static_cast<double>(y) * d);
        const bool inside = sx >= 0 && sy >= 0 && sx < info_.levels[0].width && sy < info_.levels[0].height;
        const Rgb colour = inside ? paint_(sx, sy) : info_.background;
        const auto at = static_cast<std::size_t>(y * width + x);
        std::copy(colour.begin(), colour.end(), rgb.begin() + 3 * static_cast<std::ptrdiff_t>(at));
        if (!opaque.empty()) opaque[at] = inside ? 255 : 0;
      }
    }
  }

  mutable std::atomic<std::int64_t> reads{0}, largest_read{0};
  std::function<void(std::int64_t, std::int64_t)> on_read;

 private:
  io::SlideInfo info_;
  Paint paint_;
};

/// Tissue in rectangles, glass elsewhere.
struct Rectangle {
  std::int64_t x, y, width, height;
};
inline PaintedSlide::Paint rectangles(std::vector<Rectangle> tissue) {
  return [tissue = std::move(tissue)](std::int64_t x, std::int64_t y) {
    for (const Rectangle& r : tissue)
      if (x >= r.x && y >= r.y && x < r.x + r.width && y < r.y + r.height) return kTissue;
    return kGlass;
  };
}

/// Features: mean colour and the first pixel.
class MeanEncoder final : public models::TileEncoder {
 public:
  explicit MeanEncoder(std::int64_t tile_px = 8) { info_.name = "mean", info_.dim = 6, info_.tile_px = tile_px; }
  const models::EncoderInfo& info() const override { return info_; }
  at::Tensor encode(const at::Tensor& tiles) const override {
    ++calls;
    if (delay.count() > 0) std::this_thread::sleep_for(delay);
    const at::Tensor values = tiles.to(at::kFloat).flatten(1, 2);
    return at::cat({values.mean(1), values.select(1, 0)}, 1);
  }
  mutable std::atomic<int> calls{0};
  std::chrono::milliseconds delay{0};

 private:
  models::EncoderInfo info_;
};

}  // namespace fovea::test
