#include "mri/brain/deepbet.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/_upsample_nearest_exact3d.h>
#include <ATen/ops/from_blob.h>

#include <fovea/base/error.h>
#include <fovea/io/hash.h>
#include <fovea/models/scripted_network.h>

#include "installed_files.h"
#include "mri/intensity.h"

namespace fovea::pipeline::mri {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBoxEdge = 128, kEdge = 256;
constexpr double kLowPercentile = 0.5, kHighPercentile = 99.5, kProbability = 0.5;
constexpr float kMean = 0.449F, kDeviation = 0.226F;  // of the images the networks were trained on
constexpr double kProjection = 0.02;
constexpr float kMargin = 0.1F;

struct NetworkFile {
  const char *name, *sha256;
};
constexpr NetworkFile kBoxNetwork{"bbox_model.pt", "39a7b2b5f799faa1391ea97bfcdc0b9299f20d84f2316a4ff8918dc4685e40aa"};
constexpr NetworkFile kNetwork{"model.pt", "de8ee7c69654d0dd3935dc4a5d84571d8ecf4637a6bfc01df399c4c2bc86e0fd"};

/// [1, 1, R, A, S] at `edge` cubed; a voxel of the result is the source voxel that its centre lies in.
at::Tensor nearest(const at::Tensor& x, at::IntArrayRef size) {
  return at::_upsample_nearest_exact3d(x.unsqueeze(0).unsqueeze(0), size, c10::optional<at::ArrayRef<double>>{})[0][0];
}

at::Tensor normalised(const at::Tensor& x, double low, double high) {
  const at::Tensor unit = ((x - low) / (high - low)).clamp(0, 1);
  return (kDeviation * ((unit - unit.mean()) / unit.std()) + kMean).unsqueeze(0).unsqueeze(0);
}

/// A tensor [R, A, S] as a mask with R fastest, and back.
Mask mask_of(const at::Tensor& probability) {
  const at::Tensor plain = probability.gt(kProbability).permute({2, 1, 0}).contiguous();
  Mask mask{{probability.size(0), probability.size(1), probability.size(2)}, {}};
  const bool* first = plain.const_data_ptr<bool>();
  mask.values.assign(first, first + plain.numel());
  return mask;
}

std::vector<float> values_of(const at::Tensor& x) {
  const at::Tensor plain = x.contiguous();
  const float* first = plain.const_data_ptr<float>();
  return {first, first + plain.numel()};
}

/// The box of the brain on the grid of `size`, with a tenth of its size on either side. In float and rounding halves to
/// even, as the package does.
Box box_with_margin(const Mask& small, const Index3& size) {
  Box box;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    std::vector<double> projection(static_cast<std::size_t>(small.size[axis]));
    const Index3& n = small.size;
    std::size_t at = 0;
    for (std::int64_t z = 0; z < n[2]; ++z)
      for (std::int64_t y = 0; y < n[1]; ++y)
        for (std::int64_t x = 0; x < n[0]; ++x, ++at)
          projection[static_cast<std::size_t>(axis == 0 ? x : axis == 1 ? y : z)] += small.values[at];
    const double area = static_cast<double>(product(n) / n[axis]);
    std::int64_t first = -1, last = -1;
    for (std::int64_t i = 0; i < n[axis]; ++i)
      if (projection[static_cast<std::size_t>(i)] / area > kProjection) first = first < 0 ? i : first, last = i;
    if (first < 0)
      throw Error(ErrorCode::kNoTissue, "brain mask", "the network finds no brain in this scan",
                  "Check the scan, or choose --brain-mask classical, none or a mask file.");
    const float scale = static_cast<float>(size[axis]) / static_cast<float>(n[axis]);
    const float centre = std::nearbyint(scale * (static_cast<float>(last + 1 + first) / 2)),
                extent = std::nearbyint((1 + 2 * kMargin) * (scale * static_cast<float>(last + 1 - first)));
    box.begin[axis] = std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - extent / 2));
    box.end[axis] = std::min<std::int64_t>(size[axis], static_cast<std::int64_t>(centre + extent / 2));
  }
  return box;
}

at::Tensor cut(const at::Tensor& x, const Box& box) {
  at::Tensor part = x;
  for (std::size_t a = 0; a < 3; ++a)
    part = part.narrow(static_cast<std::int64_t>(a), box.begin[a], box.end[a] - box.begin[a]);
  return part;
}

std::unique_ptr<models::ScriptedNetwork> open(const fs::path& folder, const NetworkFile& file) {
  const fs::path path = folder / file.name;
  // The file is a program: only the very one of the package may run.
  if (io::sha256_of_file(path) != file.sha256)
    throw Error(ErrorCode::kCorrupt, path.string(), "it is not the network of deepbet 1.0.2",
                "Fetch it again with ./run deps.");
  return models::load_scripted_network(path.string());
}

at::Tensor brain_probability(const models::ScriptedNetwork& network, const at::Tensor& input) {
  return network.run(input)[0][1];
}

}  // namespace

std::optional<fs::path> find_deepbet() {
  return find_installed("FOVEA_DEEPBET", "deepbet", kNetwork.name);
}

Mask deepbet_mask(const io::Volume& volume, const fs::path& folder, const std::function<void(double)>& advance) {
  const auto step = [&](double done) {
    if (advance) advance(done);
  };
  Grid native;
  native.size = volume.geometry.size, native.values = volume.values;
  const Canonical canonical = canonical_axes(ras_from_index(volume.geometry));
  Grid upright = to_canonical(native, canonical);
  native = Grid();
  const at::Tensor x =
      at::from_blob(upright.values.data(), {upright.size[2], upright.size[1], upright.size[0]}, at::kFloat)
          .permute({2, 1, 0});
  const at::Tensor small = nearest(x, {kBoxEdge, kBoxEdge, kBoxEdge});
  const double low = percentile(values_of(small), kLowPercentile), high = percentile(values_of(small), kHighPercentile);
  step(0.1);
  const Box box = box_with_margin(
      largest_piece(mask_of(brain_probability(*open(folder, kBoxNetwork), normalised(small, low, high)))),
      upright.size);
  step(0.3);
  const at::Tensor head = normalised(nearest(cut(x, box), {kEdge, kEdge, kEdge}), low, high);
  const at::Tensor found = brain_probability(*open(folder, kNetwork), head);
  step(0.9);
  const Index3 size = box.size();
  const Mask brain = filled(largest_piece(mask_of(nearest(found, {size[0], size[1], size[2]}))));
  if (brain.count() == 0)
    throw Error(ErrorCode::kNoTissue, "brain mask", "the network finds no brain in this scan",
                "Check the scan, or choose --brain-mask classical, none or a mask file.");
  Grid part(size);
  std::copy(brain.values.begin(), brain.values.end(), part.values.begin());
  const Grid result = from_canonical(paste(part, box, upright.size), canonical);
  Mask mask{result.size, {}};
  for (const float v : result.values) mask.values.push_back(v > 0);
  step(1);
  return mask;
}

}  // namespace fovea::pipeline::mri
