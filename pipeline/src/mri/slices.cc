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

/// The slice-wise network over one volume in one plane; grids are [u][v][slice] at the network's pixel size.
class PlaneRun {
 public:
  PlaneRun(const models::SegNetwork& network, const Preprocessing& p, const SlicePlane& plane,
           std::vector<Grid> channels, double air_level)
      : network_(network),
        p_(p),
        canvas_width_(plane.canvas_width),
        canvas_height_(plane.canvas_height),
        channels_(std::move(channels)),
        width_(channels_.front().size[0]),
        height_(channels_.front().size[1]),
        air_level_(air_level),
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
  std::int64_t left() const { return (canvas_width_ - width_) / 2; }
  std::int64_t top() const { return (canvas_height_ - height_) / 2; }
  std::int64_t pixels() const { return width_ * height_; }
  const float* slice(const Grid& grid, std::int64_t z) const { return grid.values.data() + z * pixels(); }

  bool holds_head(std::int64_t z) const {
    const float* first = slice(channels_.front(), z);
    const auto bright = std::count_if(first, first + pixels(), [&](float v) { return v > air_level_; });
    return static_cast<double>(bright) >= kHeadShare * static_cast<double>(pixels());
  }

  void infer(const std::vector<std::int64_t>& slices) {
    const auto count = static_cast<std::int64_t>(slices.size());
    at::Tensor input =
        at::zeros({count, static_cast<std::int64_t>(channels_.size()), canvas_height_, canvas_width_}, at::kFloat);
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
    for (std::int64_t y = 0; y < height_; ++y)
      std::copy_n(pixels_of_slice + y * width_, width_, canvas + (top() + y) * canvas_width_ + left());
    const std::span<float> all(canvas, static_cast<std::size_t>(canvas_width_ * canvas_height_));
    normalise_slice(all, p_.foreground_fraction);
  }

  void take(const at::Tensor& source, float* target) const {
    const float* canvas = source.const_data_ptr<float>();
    for (std::int64_t y = 0; y < height_; ++y)
      std::copy_n(canvas + (top() + y) * canvas_width_ + left(), width_, target + y * width_);
  }

  const models::SegNetwork& network_;
  const Preprocessing& p_;
  std::int64_t canvas_width_, canvas_height_;
  std::vector<Grid> channels_;
  std::int64_t width_, height_;
  double air_level_;
  std::vector<Grid> result_;
};

Affine upright_from_crop(const Canonical& canonical, const Index3& upright) {
  Affine affine;
  affine.linear.fill(0);
  for (std::size_t a = 0; a < 3; ++a) {
    const bool against = canonical.flipped[a];
    affine.linear[3 * a + static_cast<std::size_t>(canonical.axis[a])] = against ? -1 : 1;
    affine.offset[a] = against ? static_cast<double>(upright[a] - 1) : 0;
  }
  return affine;
}

}  // namespace

std::array<int, 3> plane_order(Plane plane) {
  if (plane == Plane::kSagittal) return {1, 2, 0};
  return plane == Plane::kCoronal ? std::array<int, 3>{0, 2, 1} : std::array<int, 3>{0, 1, 2};
}

SlicePlane slice_plane(Plane plane, const Index3& crop, const Canonical& canonical, const Vec3& spacing_mm,
                       const Preprocessing& p, std::int64_t divisor) {
  SlicePlane result;
  result.plane = plane;
  for (std::size_t a = 0; a < 3; ++a) result.crop[a] = crop[static_cast<std::size_t>(canonical.axis[a])];
  result.size = result.crop;
  const auto order = plane_order(plane);
  const bool stated = p.network_size.size() >= 2;
  std::int64_t canvas[2];
  for (std::size_t a = 0; a < 2; ++a) {
    const auto axis = static_cast<std::size_t>(order[a]);
    const auto rounded_up = [&](std::int64_t n) { return (n + divisor - 1) / divisor * divisor; };
    canvas[a] = rounded_up(stated ? p.network_size[a] : 1);
    if (p.slice_spacing_mm > 0) {
      result.size[axis] = std::max<std::int64_t>(
          1, std::llround(static_cast<double>(result.crop[axis]) * spacing_mm[axis] / p.slice_spacing_mm));
      canvas[a] = std::max(canvas[a], rounded_up(result.size[axis]));
    } else {
      if (!stated) canvas[a] = rounded_up(result.crop[axis]);
      result.size[axis] = canvas[a];
    }
  }
  result.canvas_width = canvas[0], result.canvas_height = canvas[1];
  return result;
}

Grid upright_at(const Grid& grid, const Canonical& canonical, const Index3& size) {
  Index3 as_it_lies;
  for (std::size_t a = 0; a < 3; ++a) as_it_lies[static_cast<std::size_t>(canonical.axis[a])] = size[a];
  return to_canonical(resize_antialiased(grid, as_it_lies, Interpolation::kLinear), canonical);
}

double air_level(const Grid& channel) {
  return kHeadLevel * percentile(channel.values, 99.9);
}

std::vector<Grid> run_slices(const models::SegNetwork& network, const std::vector<Grid>& slices,
                             const std::vector<SlicePlane>& planes, const Preprocessing& p, double air,
                             const Advance& advance) {
  const at::NoGradGuard no_grad;
  const std::size_t channels = slices.size() / planes.size();
  std::vector<Grid> found;
  for (std::size_t i = 0; i < planes.size(); ++i) {
    const auto within = [&](double done) {
      advance((static_cast<double>(i) + done) / static_cast<double>(planes.size()));
    };
    const auto order = plane_order(planes[i].plane);
    std::vector<Grid> turned;
    for (std::size_t c = 0; c < channels; ++c) turned.push_back(permuted(slices[i * channels + c], order));
    std::vector<Grid> classes = PlaneRun(network, p, planes[i], std::move(turned), air).run(within);
    for (std::size_t c = 1; c < classes.size(); ++c) found.push_back(permuted(classes[c], inverse_order(order)));
  }
  return found;
}

void slices_to_native(const std::vector<Grid>& of_planes, const std::vector<SlicePlane>& planes,
                      const Canonical& canonical, const Box& crop, const TakePart& take, const std::stop_token& stop) {
  const auto part_of = [&](std::size_t i, const Affine& crop_from_part, const Index3& size) {
    const Affine upright = compose(upright_from_crop(canonical, planes[i].crop), crop_from_part);
    return resample(of_planes[i], compose(over_same_box(planes[i].crop, planes[i].size), upright), size,
                    Interpolation::kLinear, Outside::kHalfVoxel, stop);
  };
  in_parts(
      crop,
      [&](const Affine& crop_from_part, const Index3& size) {
        Grid sum = part_of(0, crop_from_part, size);
        for (std::size_t i = 1; i < planes.size(); ++i) {
          const Grid other = part_of(i, crop_from_part, size);
          for (std::size_t v = 0; v < sum.values.size(); ++v) sum.values[v] += other.values[v];
        }
        for (float& v : sum.values) v /= static_cast<float>(planes.size());
        return sum;
      },
      take);
}

std::vector<Plane> choose_planes(const Vec3& spacing_mm, const Preprocessing& p) {
  const double smallest = *std::min_element(spacing_mm.begin(), spacing_mm.end());
  const auto thickest =
      static_cast<std::size_t>(std::max_element(spacing_mm.begin(), spacing_mm.end()) - spacing_mm.begin());
  if (spacing_mm[thickest] > kThickSlices * smallest)
    for (const Plane plane : {Plane::kAxial, Plane::kCoronal, Plane::kSagittal})
      if (across(plane) == thickest) return {plane};
  return p.trained_planes.empty() ? std::vector<Plane>{Plane::kAxial} : p.trained_planes;
}

}  // namespace fovea::pipeline::mri
