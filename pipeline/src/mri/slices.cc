#include "mri/slices.h"

#include <algorithm>
#include <cmath>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include "mri/intensity.h"
#include "mri/resize.h"
#include "mri/slice_normalisation.h"

namespace fovea::pipeline::mri {
namespace {

constexpr std::int64_t kBatch = 8;  // slices between two looks at the stop token: well below 2 s
constexpr double kThickSlices = 1.5;
constexpr double kHeadLevel = 0.1;   // of the volume's 99.9th percentile: brighter than noise in air
constexpr double kHeadShare = 0.01;  // of a slice's pixels

/// In-plane axes first, the axis across last.
std::array<int, 3> plane_order(Plane plane) {
  if (plane == Plane::kSagittal) return {1, 2, 0};
  return plane == Plane::kCoronal ? std::array<int, 3>{0, 2, 1} : std::array<int, 3>{0, 1, 2};
}

struct Canvas {
  std::int64_t width = 0, height = 0;  ///< of the network's input
  std::int64_t content_width = 0, content_height = 0;
  std::int64_t left() const { return (width - content_width) / 2; }
  std::int64_t top() const { return (height - content_height) / 2; }
};

Canvas canvas_of(const Index3& size, const Vec3& spacing_mm, const Preprocessing& p, std::int64_t divisor) {
  const auto rounded_up = [&](std::int64_t n) { return (n + divisor - 1) / divisor * divisor; };
  const bool stated = p.network_size.size() >= 2;
  Canvas canvas{rounded_up(stated ? p.network_size[0] : 1), rounded_up(stated ? p.network_size[1] : 1)};
  if (p.slice_spacing_mm > 0) {
    const auto pixels = [&](std::size_t a) {
      return std::max<std::int64_t>(1, std::llround(static_cast<double>(size[a]) * spacing_mm[a] / p.slice_spacing_mm));
    };
    canvas.content_width = pixels(0), canvas.content_height = pixels(1);
    canvas.width = std::max(canvas.width, rounded_up(canvas.content_width)),
    canvas.height = std::max(canvas.height, rounded_up(canvas.content_height));
  } else {
    if (!stated) canvas.width = rounded_up(size[0]), canvas.height = rounded_up(size[1]);
    canvas.content_width = canvas.width, canvas.content_height = canvas.height;
  }
  return canvas;
}

/// The slice-wise network over one volume in one plane; grids are [u][v][slice] at the network's pixel size.
class PlaneRun {
 public:
  PlaneRun(const models::SegNetwork& network, const Preprocessing& p, const Canvas& canvas, std::vector<Grid> channels,
           double head_level)
      : network_(network),
        p_(p),
        canvas_(canvas),
        channels_(std::move(channels)),
        head_level_(head_level),
        result_(static_cast<std::size_t>(network.config().classes), Grid(channels_.front().size)) {}

  std::vector<Grid> run(const Advance& advance) {
    const std::int64_t slices = channels_.front().size[2];
    std::fill(result_.front().values.begin(), result_.front().values.end(),
              1.0F);  // background where the network is not asked
    std::vector<std::int64_t> waiting;
    for (std::int64_t z = 0; z < slices; ++z) {
      if (holds_head(z)) waiting.push_back(z);
      if (static_cast<std::int64_t>(waiting.size()) == kBatch || (z + 1 == slices && !waiting.empty())) {
        infer(waiting);
        waiting.clear();
      }
      advance(static_cast<double>(z + 1) / static_cast<double>(slices));
    }
    return std::move(result_);
  }

 private:
  std::int64_t pixels() const { return canvas_.content_width * canvas_.content_height; }
  const float* slice(const Grid& grid, std::int64_t z) const { return grid.values.data() + z * pixels(); }

  bool holds_head(std::int64_t z) const {
    const float* first = slice(channels_.front(), z);
    const auto bright = std::count_if(first, first + pixels(), [&](float v) { return v > head_level_; });
    return static_cast<double>(bright) >= kHeadShare * static_cast<double>(pixels());
  }

  void infer(const std::vector<std::int64_t>& slices) {
    const auto count = static_cast<std::int64_t>(slices.size());
    at::Tensor input =
        at::zeros({count, static_cast<std::int64_t>(channels_.size()), canvas_.height, canvas_.width}, at::kFloat);
    for (std::int64_t i = 0; i < count; ++i)
      for (std::size_t c = 0; c < channels_.size(); ++c)
        place(slice(channels_[c], slices[static_cast<std::size_t>(i)]), input[i][static_cast<std::int64_t>(c)]);
    // Pixels lie with u fastest; the network takes [u][v].
    const at::Tensor output = network_.infer(input.transpose(2, 3).contiguous()).transpose(2, 3).contiguous();
    for (std::int64_t i = 0; i < count; ++i)
      for (std::size_t c = 0; c < result_.size(); ++c)
        take(output[i][static_cast<std::int64_t>(c)],
             result_[c].values.data() + slices[static_cast<std::size_t>(i)] * pixels());
  }

  /// Centred on the canvas; z-scored together with the black around it, as the training slices were.
  void place(const float* pixels_of_slice, const at::Tensor& target) const {
    float* canvas = target.mutable_data_ptr<float>();
    for (std::int64_t y = 0; y < canvas_.content_height; ++y)
      std::copy_n(pixels_of_slice + y * canvas_.content_width, canvas_.content_width,
                  canvas + (canvas_.top() + y) * canvas_.width + canvas_.left());
    const std::span<float> all(canvas, static_cast<std::size_t>(canvas_.width * canvas_.height));
    normalise_slice(all, p_.foreground_fraction);
  }

  void take(const at::Tensor& source, float* target) const {
    const float* canvas = source.const_data_ptr<float>();
    for (std::int64_t y = 0; y < canvas_.content_height; ++y)
      std::copy_n(canvas + (canvas_.top() + y) * canvas_.width + canvas_.left(), canvas_.content_width,
                  target + y * canvas_.content_width);
  }

  const models::SegNetwork& network_;
  const Preprocessing& p_;
  Canvas canvas_;
  std::vector<Grid> channels_;
  double head_level_;
  std::vector<Grid> result_;
};

std::vector<Grid> run_plane(const models::SegNetwork& network, const std::vector<Grid>& channels,
                            const Vec3& spacing_mm, const Preprocessing& p, Plane plane, double head_level,
                            const Advance& advance) {
  const auto order = plane_order(plane);
  const auto axis = [&](std::size_t a) { return static_cast<std::size_t>(order[a]); };
  const Vec3 spacing{spacing_mm[axis(0)], spacing_mm[axis(1)], spacing_mm[axis(2)]};
  const Index3& native = channels.front().size;
  const Index3 turned{native[axis(0)], native[axis(1)], native[axis(2)]};
  const Canvas canvas = canvas_of(turned, spacing, p, network.config().divisor());
  std::vector<Grid> small;
  for (const Grid& channel : channels)
    small.push_back(resize_antialiased(
        permuted(channel, order), {canvas.content_width, canvas.content_height, turned[2]}, Interpolation::kLinear));
  std::vector<Grid> result = PlaneRun(network, p, canvas, std::move(small), head_level).run(advance);
  for (Grid& grid : result)
    grid = permuted(resize(grid, turned, Alignment::kHalfPixel, Interpolation::kLinear), inverse_order(order));
  return result;
}

}  // namespace

std::vector<Plane> choose_planes(const Vec3& spacing_mm, const Preprocessing& p) {
  const double smallest = *std::min_element(spacing_mm.begin(), spacing_mm.end());
  const auto thickest =
      static_cast<std::size_t>(std::max_element(spacing_mm.begin(), spacing_mm.end()) - spacing_mm.begin());
  if (spacing_mm[thickest] > kThickSlices * smallest)
    for (const Plane plane : {Plane::kAxial, Plane::kCoronal, Plane::kSagittal})
      if (across(plane) == thickest) return {plane};
  return p.trained_planes.empty() ? std::vector<Plane>{Plane::kAxial} : p.trained_planes;
}

std::vector<Grid> run_slices(const models::SegNetwork& network, const std::vector<Grid>& channels,
                             const Vec3& spacing_mm, const Preprocessing& p, const std::vector<Plane>& planes,
                             const Advance& advance) {
  const at::NoGradGuard no_grad;
  const double head_level = kHeadLevel * percentile(channels.front().values, 99.9);
  std::vector<Grid> total;
  for (std::size_t i = 0; i < planes.size(); ++i) {
    const auto within = [&](double done) {
      advance((static_cast<double>(i) + done) / static_cast<double>(planes.size()));
    };
    std::vector<Grid> result = run_plane(network, channels, spacing_mm, p, planes[i], head_level, within);
    if (total.empty()) {
      total = std::move(result);
    } else {
      add_fold(total, result, Ensemble::kAverage);
    }
  }
  for (Grid& grid : total)
    for (float& v : grid.values) v /= static_cast<float>(planes.size());
  return total;
}

}  // namespace fovea::pipeline::mri
