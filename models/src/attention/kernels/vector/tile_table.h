// Kernels of tiled attention (position, neighbourhood) and of gates, of one instruction set behind one table.
#pragma once

#include <cstdint>
#include <vector>

namespace fovea::attention::kernels {

constexpr std::int64_t kGateVoxels = 256;  ///< voxels a tile of a gate: 32 + 32 channels of floats are 64 kB

/// One tile of a gate: channels of kGateVoxels voxels each, dense; weights transposed to [C, F]. What lies beyond the
/// image's last voxel has to be there, of any value.
template <class T>
struct GateTile {
  const T *g, *x;
  std::int64_t g_channels, x_channels, hidden;
  const T *wg, *bg, *wx, *bx;
  const T* psi;  ///< [2F], the part of g first; [F] when !concat
  T bpsi;
  bool concat;
};

template <class T>
struct TileKernels {
  const char* name;
  /// One more tile of keys for running softmaxes. In place: scores [rows, keys] become e^(s - m); m and l are the rows'
  /// running maximum and sum ({-inf, 0} at the start), `scale` the factors for what was summed before. `allowed`
  /// [rows, keys], where not null: 0 drops a key, whatever its score. A row of NaN or +inf scores becomes NaN, one
  /// without a key 0.
  void (*softmax_step)(T* scores, const std::int32_t* allowed, std::int64_t rows, std::int64_t keys, T* m, T* l,
                       T* scale);
  /// alpha of kGateVoxels voxels.
  void (*gate_alpha)(const GateTile<T>& tile, T* alpha);
  /// out[c, i] = x[c, i] alpha[i] for i < voxels; x of a tile, channels of out `stride` values apart.
  void (*gate_product)(const T* x, const T* alpha, std::int64_t channels, std::int64_t voxels, T* out,
                       std::int64_t stride);
};

/// Of the instruction set that pool_kernels() chose.
template <class T>
const TileKernels<T>& tile_kernels();

/// Every table that this CPU can run, for tests.
std::vector<const TileKernels<float>*> runnable_tile_kernels();

}  // namespace fovea::attention::kernels
