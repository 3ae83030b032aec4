// The last step of every deterministic sum on CUDA.
#pragma once

#include <cstdint>

// In libfovea_cuda.so, opened at run time. `stream` is a cudaStream_t. Returns 0, or a cudaError_t.
extern "C" {
/// parts [outer, splits, size] -> sums [outer, size], added in index order in double; then times factors [outer], if
/// not null.
int fovea_cuda_split_sums(const float* parts, std::int64_t outer, std::int64_t splits, std::int64_t size,
                          const float* factors, float* sums, void* stream);
}
