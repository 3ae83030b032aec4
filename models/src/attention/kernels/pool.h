// The pooling kernels' contract beyond the vector tables: raw pointers and sizes, row-major, no tensor library.
#pragma once

#include <cstdint>

#include "attention/kernels/pool_math.h"

namespace fovea::attention::kernels {

/// One row of scores [n] -> its state, and e^(s - m) into `weights` [n]. -inf scores weigh 0. Sums in double.
template <class T>
SoftmaxState<double> softmax_split_cpu(const T* scores, std::int64_t n, T* weights);

/// Adds the split `(from, sum_from)` to `(into, sum_into)`; sums have `width` values.
template <class T>
void merge_cpu(SoftmaxState<double>& into, double* sum_into, const SoftmaxState<double>& from, const T* sum_from,
               std::int64_t width);

}  // namespace fovea::attention::kernels

// CUDA twins in libfovea_cuda.so, opened at run time. `stream` is a cudaStream_t. Return 0, or a cudaError_t.
extern "C" {
/// vu [n, 2H] or [n, H] -> scores[k * stride + offset + i] for i < n.
int fovea_cuda_gate_scores(const float* vu, const float* w, const float* b, std::int64_t n, std::int64_t hidden,
                           std::int64_t branches, int gated, float* scores, std::int64_t stride, std::int64_t offset,
                           void* stream);
/// Splits of `split` rows: states [S, K, 3] and sums [S, K, D], S = ceil(N / split), each by one block, in a fixed
/// order of additions.
int fovea_cuda_pool_splits(const float* scores, const float* x, std::int64_t rows, std::int64_t width,
                           std::int64_t branches, std::int64_t split, float* states, float* sums, void* stream);
/// Merges the splits in index order: z [K, D], lse [K], entropy [K].
int fovea_cuda_pool_merge(const float* states, const float* sums, std::int64_t splits, std::int64_t width,
                          std::int64_t branches, float* z, float* lse, float* entropy, void* stream);
}
