// Dual attention without its large matrices: position attention with a running softmax over key tiles (the merge of
// attention.md 3.3), channel attention in blocks of voxels.
#include <algorithm>
#include <limits>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <fovea/models/attention.h>

#include "attention/ops/dual.h"
#include "attention/ops/pool.h"

namespace fovea::attention::ops {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();
constexpr std::int64_t kQueryTile = 128, kKeyTile = 1024;  // scores of a tile: 512 kB in float32, in the cache
constexpr std::int64_t kBlockVoxels = 4096, kSplitsAtOnce = 16;

/// One image's keys and values, laid out once for all query tiles.
struct Keys {
  at::Tensor k_t, v;  // [d, M], [M, C]
};

class RunningSoftmax {
 public:
  RunningSoftmax(std::int64_t rows, std::int64_t width, const at::TensorOptions& options)
      : scores_(at::empty({rows, kKeyTile}, options)),
        m_(at::full({rows, 1}, kMinusInfinity, options)),
        l_(at::zeros({rows, 1}, options)),
        o_(at::zeros({rows, width}, options)) {}

  void add(const at::Tensor& queries, const at::Tensor& k_t, const at::Tensor& v) {
    at::Tensor e = scores_.slice(1, 0, v.size(0));
    at::mm_out(e, queries, k_t);
    const at::Tensor m = at::maximum(m_, at::amax(e, {1}, true));
    const at::Tensor shift = m.masked_fill(m.eq(kMinusInfinity), 0.0);
    e.sub_(shift).exp_();
    const at::Tensor scale = m_.sub_(shift).exp_();
    l_.mul_(scale).add_(e.sum(1, true));
    o_.mul_(scale).addmm_(e, v);
    m_ = m;
  }
  at::Tensor result() const {
    const at::Tensor empty = l_.eq(0);
    return (o_ / l_.masked_fill(empty, 1.0)).masked_fill(empty, 0.0);
  }

 private:
  at::Tensor scores_, m_, l_, o_;
};

at::Tensor attended_tile(const at::Tensor& queries, const Keys& keys) {
  const OneThread one;
  const std::int64_t count = keys.v.size(0);
  const at::Tensor rows = queries.contiguous();
  RunningSoftmax softmax(rows.size(0), keys.v.size(1), keys.v.options());
  for (std::int64_t first = 0; first < count; first += kKeyTile) {
    const std::int64_t last = std::min(count, first + kKeyTile);
    softmax.add(rows, keys.k_t.slice(1, first, last), keys.v.slice(0, first, last));
  }
  return softmax.result();
}

/// E of one image: splits in memory a few at a time, added in index order.
at::Tensor energy_of(const at::Tensor& channels) {
  const std::int64_t width = channels.size(0), voxels = channels.size(1), splits = (voxels + kSplit - 1) / kSplit;
  at::Tensor sum = at::zeros({width, width}, channels.options().dtype(at::kDouble));
  for (std::int64_t first = 0; first < splits; first += kSplitsAtOnce) {
    std::vector<at::Tensor> parts(static_cast<std::size_t>(std::min(kSplitsAtOnce, splits - first)));
    at::parallel_for(0, static_cast<std::int64_t>(parts.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      const at::NoGradGuard no_grad;
      const OneThread one;
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t voxel = (first + i) * kSplit, last = std::min(voxels, voxel + kSplit);
        const at::Tensor rows = channels.slice(1, voxel, last).clone(at::MemoryFormat::Contiguous);
        parts[static_cast<std::size_t>(i)] = rows.mm(rows.t());
      }
    });
    for (const at::Tensor& part : parts) sum.add_(part);
  }
  return sum;
}

}  // namespace

at::Tensor tiled_position(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const at::NoGradGuard no_grad;
  const std::int64_t queries = q.size(1), tiles = (queries + kQueryTile - 1) / kQueryTile;
  const at::Tensor out = at::empty({q.size(0), queries, v.size(2)}, v.options());
  for (std::int64_t image = 0; image < q.size(0); ++image) {
    const Keys keys{k[image].t().contiguous(), v[image].contiguous()};
    at::parallel_for(0, tiles, 1, [&](std::int64_t begin, std::int64_t end) {
      const at::NoGradGuard inner;
      for (std::int64_t tile = begin; tile < end; ++tile) {
        const std::int64_t first = tile * kQueryTile, last = std::min(queries, first + kQueryTile);
        out[image].slice(0, first, last).copy_(attended_tile(q[image].slice(0, first, last), keys));
      }
    });
  }
  return out;
}

at::Tensor split_energy(const at::Tensor& channels) {
  const at::NoGradGuard no_grad;
  const std::int64_t width = channels.size(1);
  const at::Tensor energy = at::empty({channels.size(0), width, width}, channels.options().dtype(at::kDouble));
  for (std::int64_t image = 0; image < channels.size(0); ++image) energy[image].copy_(energy_of(channels[image]));
  return energy;
}

at::Tensor blocked_channel(const at::Tensor& channels, const at::Tensor& weights, const at::Tensor& gamma,
                           ChannelForm form) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = channels.contiguous(), out = at::empty(x.sizes(), x.options());
  // Gamma goes into the weights: as a factor of the product, 0 would let BLAS skip it and hide a NaN.
  const at::Tensor applied = (form == ChannelForm::kDirect ? weights.transpose(1, 2) : weights).mul(gamma).contiguous();
  const std::int64_t voxels = x.size(2), blocks = (voxels + kBlockVoxels - 1) / kBlockVoxels;
  at::parallel_for(0, x.size(0) * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard inner;
    const OneThread one;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / blocks, first = i % blocks * kBlockVoxels,
                         last = std::min(voxels, first + kBlockVoxels);
      const at::Tensor rows = x[image].slice(1, first, last);
      at::Tensor target = out[image].slice(1, first, last);
      at::addmm_out(target, rows, applied[image], rows);
    }
  });
  return out;
}

}  // namespace fovea::attention::ops
