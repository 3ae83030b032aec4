// The gate kernel's contract on CUDA (the CPU path: vector/tile_table.h, ops/gate_tiles.cc).
#pragma once

#include <cstdint>

extern "C" {
/// g [Cg, V], x [Cx, V] of one image, contiguous; wg [F, Cg], wx [F, Cx], wpsi [2F] (concat) or [F] (add). Writes alpha
/// [V] and out [Cx, V] = alpha x. Returns 0 or a cudaError_t.
int fovea_cuda_attention_gate(const float* g, const float* x, const float* wg, const float* bg, const float* wx,
                              const float* bx, const float* wpsi, const float* bpsi, std::int64_t voxels,
                              std::int64_t g_channels, std::int64_t x_channels, std::int64_t hidden, int concat,
                              float* alpha, float* out, void* stream);
}
