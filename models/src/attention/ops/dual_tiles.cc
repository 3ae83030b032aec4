// Dual attention without its large matrices: position attention with a running softmax over key tiles (the merge of
// attention.md 3.3), channel attention in blocks of voxels.
#include <algorithm>
#include <limits>
#include <vector>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <fovea/models/attention.h>

#include "attention/kernels/vector/tile_table.h"
#include "attention/ops/dual.h"
#include "attention/ops/pool.h"

namespace fovea::attention::ops {
namespace {

constexpr std::int64_t kQueryTile = 128, kKeyTile = 1024;  // scores of a tile: 512 kB in float32, in the cache
constexpr std::int64_t kBlockVoxels = 4096, kSplitsAtOnce = 16;

/// One image's keys and values, laid out once for all query tiles.
struct Keys {
  at::Tensor k_t, v;  // [d, M], [M, C]
};

/// Workspace of one thread: a tile of queries, and what its softmax has seen so far.
template <class T>
class RunningSoftmax {
 public:
  RunningSoftmax(std::int64_t width, const at::TensorOptions& options)
      : scores_(at::empty({kQueryTile * kKeyTile}, options)),
        sums_(at::empty({kQueryTile, width}, options)),
        m_(kQueryTile),
        l_(kQueryTile),
        scale_(kQueryTile) {}

  /// out [rows, C] for queries [rows, d].
  void attend(const at::Tensor& queries, const Keys& keys, const at::Tensor& out) {
    const std::int64_t rows = queries.size(0), count = keys.v.size(0);
    at::Tensor sums = sums_.slice(0, 0, rows);
    std::fill(m_.begin(), m_.end(), -std::numeric_limits<T>::infinity()), std::fill(l_.begin(), l_.end(), T(0));
    for (std::int64_t first = 0; first < count; first += kKeyTile) {
      const std::int64_t last = std::min(count, first + kKeyTile);
      at::Tensor e = scores_.slice(0, 0, rows * (last - first)).view({rows, last - first});
      at::mm_out(e, queries, keys.k_t.slice(1, first, last));
      kernels::tile_kernels<T>().softmax_step(e.data_ptr<T>(), nullptr, rows, last - first, m_.data(), l_.data(),
                                              scale_.data());
      const at::Tensor values = keys.v.slice(0, first, last);
      if (first == 0) {
        at::mm_out(sums, e, values);
        continue;
      }
      scale_rows(sums.data_ptr<T>(), rows);
      sums.addmm_(e, values);
    }
    write(out);
  }

 private:
  void scale_rows(T* sums, std::int64_t rows) const {
    const std::int64_t width = sums_.size(1);
    for (std::int64_t row = 0; row < rows; ++row) {
      const T factor = scale_[static_cast<std::size_t>(row)];
      if (factor == 1) continue;  // of most rows after their first tiles
      for (std::int64_t i = 0; i < width; ++i) sums[row * width + i] *= factor;
    }
  }
  void write(const at::Tensor& out) const {
    const std::int64_t width = sums_.size(1);
    const T* sums = sums_.const_data_ptr<T>();
    T* target = out.mutable_data_ptr<T>();
    for (std::int64_t row = 0; row < out.size(0); ++row) {
      const T l = l_[static_cast<std::size_t>(row)];
      for (std::int64_t i = 0; i < width; ++i) target[row * width + i] = l == 0 ? T(0) : sums[row * width + i] / l;
    }
  }

  at::Tensor scores_, sums_;
  std::vector<T> m_, l_, scale_;
};

template <class T>
void position_of_image(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out) {
  const Keys keys{k.t().contiguous(), v.contiguous()};
  const at::Tensor queries = q.contiguous();
  const std::int64_t count = q.size(0), tiles = (count + kQueryTile - 1) / kQueryTile;
  at::parallel_for(0, tiles, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_grad;  // both guards are the thread's own
    const OneThread one;
    RunningSoftmax<T> softmax(v.size(1), v.options());
    for (std::int64_t tile = begin; tile < end; ++tile) {
      const std::int64_t first = tile * kQueryTile, last = std::min(count, first + kQueryTile);
      softmax.attend(queries.slice(0, first, last), keys, out.slice(0, first, last));
    }
  });
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
  const at::Tensor out = at::empty({q.size(0), q.size(1), v.size(2)}, v.options());
  AT_DISPATCH_FLOATING_TYPES(q.scalar_type(), "position_attention", [&] {
    for (std::int64_t image = 0; image < q.size(0); ++image)
      position_of_image<scalar_t>(q[image], k[image], v[image], out[image]);
  });
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
