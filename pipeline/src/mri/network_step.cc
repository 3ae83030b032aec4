#include "mri/network_step.h"

#include <algorithm>
#include <cmath>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>

#include <fovea/base/error.h>

namespace fovea::pipeline::mri {
namespace {

/// Axis order of the network's input: result axis a is axis order[a] of the [X][Y][Z] array.
std::array<int, 3> network_axes(const Preprocessing& p) {
  if (p.swap_axes) return {2, 1, 0};
  if (p.network_size.size() != 2) return {0, 1, 2};
  if (p.slicing_plane == Plane::kSagittal) return {1, 2, 0};
  return p.slicing_plane == Plane::kCoronal ? std::array<int, 3>{0, 2, 1} : std::array<int, 3>{0, 1, 2};
}

Grid padded(const Grid& grid, const Tiling& tiling) {
  if (tiling.before == Index3{0, 0, 0} && tiling.after == Index3{0, 0, 0}) return grid;
  Index3 size;
  for (std::size_t a = 0; a < 3; ++a) size[a] = grid.size[a] + tiling.before[a] + tiling.after[a];
  Grid result(size);
  const auto source = [&](std::int64_t i, std::size_t a) {
    return std::clamp<std::int64_t>(i - tiling.before[a], 0, grid.size[a] - 1);
  };
  for (std::int64_t z = 0; z < size[2]; ++z)
    for (std::int64_t y = 0; y < size[1]; ++y)
      for (std::int64_t x = 0; x < size[0]; ++x)
        result.values[result.at(x, y, z)] = grid.values[grid.at(source(x, 0), source(y, 1), source(z, 2))];
  return result;
}

/// [1, C, ...] in the network's axis order.
at::Tensor tile_tensor(const std::vector<Grid>& channels, const Index3& begin, const Index3& tile,
                       const std::array<int, 3>& axes) {
  const Box box{begin, {begin[0] + tile[0], begin[1] + tile[1], begin[2] + tile[2]}};
  std::int64_t size[3];
  for (std::size_t a = 0; a < 3; ++a) size[a] = tile[static_cast<std::size_t>(axes[a])];
  at::Tensor input = at::empty({1, static_cast<std::int64_t>(channels.size()), size[0], size[1], size[2]}, at::kFloat);
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const Grid part = cut(channels[c], box);
    const at::Tensor view = at::from_blob(const_cast<float*>(part.values.data()), {tile[0], tile[1], tile[2]},
                                          {1, tile[0], tile[0] * tile[1]}, at::kFloat);
    input[0][static_cast<std::int64_t>(c)].copy_(view.permute({axes[0], axes[1], axes[2]}));
  }
  return input;
}

/// `values` [classes, ...] in the network's order -> maximum into `fused` at `begin`.
void fuse(std::vector<Grid>& fused, const at::Tensor& values, const Index3& begin, const std::array<int, 3>& axes) {
  const std::array<int, 3> back = inverse_order(axes);
  for (std::size_t c = 0; c < fused.size(); ++c) {
    // As [Z][Y][X], contiguous, the tensor lies in memory like a Grid.
    const at::Tensor plane = values[static_cast<std::int64_t>(c)].permute({back[2], back[1], back[0]}).contiguous();
    const float* source = plane.const_data_ptr<float>();
    const Index3 tile{plane.size(2), plane.size(1), plane.size(0)};
    for (std::int64_t z = 0; z < tile[2]; ++z)
      for (std::int64_t y = 0; y < tile[1]; ++y) {
        float* row = fused[c].values.data() + fused[c].at(begin[0], begin[1] + y, begin[2] + z);
        for (std::int64_t x = 0; x < tile[0]; ++x, ++source) row[x] = std::max(row[x], *source);
      }
  }
}

void activate(std::vector<Grid>& classes, Activation activation) {
  const std::size_t voxels = classes.front().values.size();
  for (std::size_t i = 0; i < voxels; ++i) {
    float highest = classes.front().values[i];
    for (const Grid& grid : classes) highest = std::max(highest, grid.values[i]);
    double sum = 0;
    for (Grid& grid : classes) {
      float& v = grid.values[i];
      v = activation == Activation::kSigmoid ? 1 / (1 + std::exp(-v)) : std::exp(v - highest);
      sum += v;
    }
    if (activation == Activation::kSoftmax)
      for (Grid& grid : classes) grid.values[i] = static_cast<float>(grid.values[i] / sum);
  }
}

void plan_slabs(Tiling& tiling, const Index3& size, const Preprocessing& p) {
  const std::size_t axis = across(p.slicing_plane);
  tiling.after[axis] = (p.slab_size - size[axis] % p.slab_size) % p.slab_size;
  tiling.tile[axis] = p.slab_size;
  for (std::int64_t at = 0; at < size[axis]; at += p.slab_size) {
    tiling.begin.push_back({0, 0, 0});
    tiling.begin.back()[axis] = at;
  }
}

void plan_patches(Tiling& tiling, const Index3& size, const Preprocessing& p) {
  const Index3 patch = *p.patch_size, offset = p.patch_offset.value_or(Index3{0, 0, 0});
  std::array<std::vector<std::int64_t>, 3> starts;
  for (std::size_t a = 0; a < 3; ++a) {
    if (offset[a] >= patch[a])
      throw Error(ErrorCode::kCorrupt, "patch_offset", "it is not smaller than patch_size",
                  "Correct the model's pre_processing.ini.");
    if (size[a] <= patch[a]) {
      const std::int64_t missing = patch[a] - size[a];
      tiling.before[a] = p.exact_padding ? missing / 2 : (missing + 1) / 2;
      tiling.after[a] = p.exact_padding ? missing - tiling.before[a] : tiling.before[a];
    }
    const std::int64_t length = size[a] + tiling.before[a] + tiling.after[a], step = patch[a] - offset[a];
    for (std::int64_t at = 0; at < length; at += step) {
      const std::int64_t begin = at + patch[a] >= length ? at - (at + patch[a] - length) : at;
      if (begin >= 0 && (starts[a].empty() || starts[a].back() != begin)) starts[a].push_back(begin);
    }
  }
  tiling.tile = patch;
  for (const std::int64_t x : starts[0])
    for (const std::int64_t y : starts[1])
      for (const std::int64_t z : starts[2]) tiling.begin.push_back({x, y, z});
}

}  // namespace

Tiling plan_tiles(const Index3& size, const Preprocessing& p) {
  Tiling tiling;
  tiling.tile = size;
  if (p.network_size.size() == 3) {
    tiling.begin.push_back({0, 0, 0});
  } else if (p.network_size.size() == 2) {
    plan_slabs(tiling, size, p);
  } else {
    plan_patches(tiling, size, p);
  }
  return tiling;
}

std::vector<Grid> run_network(const models::SegNetwork& network, std::vector<Grid> channels, const Preprocessing& p,
                              const Advance& advance) {
  const at::NoGradGuard no_grad;
  const auto axes = network_axes(p);
  const Index3 size = channels.front().size;
  const Tiling tiling = plan_tiles(size, p);
  for (Grid& channel : channels) channel = padded(channel, tiling);
  const bool raw = p.activation == Activation::kSigmoid || !p.activation_included;
  const Index3 padded_size = channels.front().size;
  std::vector<Grid> fused(static_cast<std::size_t>(network.config().classes), Grid(padded_size, raw ? -1e30F : 0.0F));
  for (std::size_t i = 0; i < tiling.begin.size(); ++i) {
    advance(static_cast<double>(i) / static_cast<double>(tiling.begin.size()));
    at::Tensor input = tile_tensor(channels, tiling.begin[i], tiling.tile, axes);
    if (i + 1 == tiling.begin.size()) channels.clear();
    const at::Tensor values = raw ? network.forward(input, false).heads.front()[0] : network.infer(input)[0];
    fuse(fused, values, tiling.begin[i], axes);
  }
  advance(1);
  if (raw) activate(fused, p.activation);
  if (padded_size != size) {
    const Box inner{tiling.before,
                    {tiling.before[0] + size[0], tiling.before[1] + size[1], tiling.before[2] + size[2]}};
    for (Grid& grid : fused) grid = cut(grid, inner);
  }
  return fused;
}

void add_fold(std::vector<Grid>& total, const std::vector<Grid>& fold, Ensemble ensemble) {
  for (std::size_t c = 0; c < total.size(); ++c)
    for (std::size_t i = 0; i < total[c].values.size(); ++i) {
      float& sum = total[c].values[i];
      sum = ensemble == Ensemble::kAverage ? sum + fold[c].values[i] : std::max(sum, fold[c].values[i]);
    }
}

double network_bytes(const models::SegConfig& config, double spatial_voxels) {
  // At full resolution: the input, the kept skip, two feature maps in work and the up-sampled one. Deeper levels add
  // about a half.
  const double full = 4.0 * static_cast<double>(config.filters.front()) + static_cast<double>(config.channels);
  return 1.5 * 4 * full * spatial_voxels;
}

}  // namespace fovea::pipeline::mri
