// Gates in tiles of voxels: the channels of a tile are packed into the cache once, whatever the memory format, so that
// neither hidden values nor a concatenation ever exist outside of it.
#include <algorithm>
#include <cstring>
#include <vector>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>

#include "attention/kernels/vector/tile_table.h"
#include "attention/ops/gate.h"
#include "attention/ops/large_pages.h"

namespace fovea::attention::ops {
namespace {

using kernels::kGateVoxels;

/// One image as [channels, voxels] in any strides.
template <class T>
struct Image {
  explicit Image(const at::Tensor& flat)
      : data(flat.data_ptr<T>()), channels(flat.size(0)), channel(flat.stride(0)), voxel(flat.stride(1)) {}
  T* data;
  std::int64_t channels, channel, voxel;
};

template <class T>
void pack(const Image<T>& image, std::int64_t first, std::int64_t voxels, T* tile) {
  for (std::int64_t c = 0; c < image.channels; ++c, tile += kGateVoxels) {
    const T* from = image.data + c * image.channel + first * image.voxel;
    // The next tile's voxels travel while this one is computed: a kilobyte a channel is too short for the hardware.
    for (std::int64_t i = 0; image.voxel == 1 && i < voxels; i += 64 / sizeof(T))
      __builtin_prefetch(from + kGateVoxels * image.voxel + i, 0, 2);
    if (image.voxel == 1) std::memcpy(tile, from, static_cast<std::size_t>(voxels) * sizeof(T));
    for (std::int64_t i = 0; image.voxel != 1 && i < voxels; ++i) tile[i] = from[i * image.voxel];
  }
}

template <class T>
void unpack(const T* tile, const Image<T>& image, std::int64_t first, std::int64_t voxels) {
  for (std::int64_t i = 0; i < voxels; ++i)
    for (std::int64_t c = 0; c < image.channels; ++c)
      image.data[c * image.channel + (first + i) * image.voxel] = tile[c * kGateVoxels + i];
}

/// The weights as the kernels read them, and what keeps them alive.
template <class T>
class Weights {
 public:
  Weights(const AttentionGateWeights& w, GateCombine combine) {
    const auto dense = [&](const at::Tensor& t) {
      kept_.push_back(t.contiguous());
      return kept_.back().template const_data_ptr<T>();
    };
    tile = {nullptr,     nullptr,         w.wg.size(1), w.wx.size(1),  w.wg.size(0),   dense(w.wg.t()),
            dense(w.bg), dense(w.wx.t()), dense(w.bx),  dense(w.wpsi), *dense(w.bpsi), combine == GateCombine::kConcat};
  }
  kernels::GateTile<T> tile;

 private:
  std::vector<at::Tensor> kept_;
};

template <class T>
class TileWorker {
 public:
  explicit TileWorker(const kernels::GateTile<T>& weights)
      : tile_(weights), space_(static_cast<std::size_t>((weights.g_channels + weights.x_channels + 1) * kGateVoxels)) {
    T* const at_x = space_.data() + weights.g_channels * kGateVoxels;
    tile_.g = space_.data(), tile_.x = at_x, x_ = at_x, alpha_ = at_x + weights.x_channels * kGateVoxels;
  }
  /// `out`, where not null, receives the gated voxels while they are in the cache.
  void run(const Image<T>& g, const Image<T>& x, std::int64_t first, std::int64_t voxels, T* alpha,
           const Image<T>* out) {
    const auto& table = kernels::tile_kernels<T>();
    pack(g, first, voxels, space_.data());
    pack(x, first, voxels, x_);
    table.gate_alpha(tile_, alpha_);
    std::copy(alpha_, alpha_ + voxels, alpha + first);
    if (!out) return;
    const bool rows = out->voxel == 1;
    table.gate_product(x_, alpha_, out->channels, voxels, rows ? out->data + first : x_,
                       rows ? out->channel : kGateVoxels);
    if (!rows) unpack(x_, *out, first, voxels);
  }

 private:
  kernels::GateTile<T> tile_;
  std::vector<T> space_;
  T *x_ = nullptr, *alpha_ = nullptr;
};

template <class T>
void gate_image(const at::Tensor& g, const at::Tensor& x, const at::Tensor& alpha, const at::Tensor& out,
                const kernels::GateTile<T>& weights) {
  const Image<T> from_g(g.flatten(1)), from_x(x.flatten(1));
  const c10::optional<Image<T>> into = out.defined() ? c10::make_optional(Image<T>(out.flatten(1))) : c10::nullopt;
  const std::int64_t voxels = alpha.numel();
  at::parallel_for(0, (voxels + kGateVoxels - 1) / kGateVoxels, 1, [&](std::int64_t begin, std::int64_t end) {
    TileWorker<T> worker(weights);
    for (std::int64_t tile = begin; tile < end; ++tile) {
      const std::int64_t first = tile * kGateVoxels, count = std::min(kGateVoxels, voxels - first);
      worker.run(from_g, from_x, first, count, alpha.mutable_data_ptr<T>(), into ? &*into : nullptr);
    }
  });
}

at::Tensor alpha_like(const at::Tensor& x) {
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape[1] = 1;
  return at::empty(shape, x.options());
}

}  // namespace

Gated tiled_gate(const at::Tensor& g, const at::Tensor& x, const at::Tensor& theta_x,
                 const AttentionGateWeights& weights, GateCombine combine) {
  const at::NoGradGuard no_grad;
  const bool same = theta_x.sizes() == x.sizes();
  // Of a format that flattens: the strides of a transposed x would make a copy of what is to be written.
  Gated gated{on_large_pages(at::empty_like(x, x.options(), x.suggest_memory_format())), alpha_like(theta_x)};
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "attention_gate", [&] {
    const Weights<scalar_t> laid_out(weights, combine);
    for (std::int64_t image = 0; image < x.size(0); ++image)
      gate_image<scalar_t>(g[image], theta_x[image], gated.alpha[image], same ? gated.out[image] : at::Tensor(),
                           laid_out.tile);
  });
  if (same) return gated;
  gated.alpha = resampled(gated.alpha, x.sizes().slice(2));
  at::mul_out(gated.out, x, gated.alpha);
  return gated;
}

}  // namespace fovea::attention::ops
