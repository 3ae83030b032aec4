// Sums of splits in index order. Run under host emulation only so far (docs/gpu.md).
#include "attention/kernels/split_sums.h"

#include "attention/kernels/launch.h"

namespace {

using namespace fovea::attention::kernels;

constexpr int kThreads = 256;

__global__ void split_sums(const float* parts, std::int64_t outer, std::int64_t splits, std::int64_t size,
                           const float* factors, float* sums) {
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= outer * size) return;
  const std::int64_t of = index / size;
  const float* from = parts + of * splits * size + index % size;
  double sum = 0;
  for (std::int64_t s = 0; s < splits; ++s) sum += from[s * size];
  sums[index] = static_cast<float>(factors ? sum * factors[of] : sum);
}

}  // namespace

extern "C" int fovea_cuda_split_sums(const float* parts, std::int64_t outer, std::int64_t splits, std::int64_t size,
                                     const float* factors, float* sums, void* stream) {
  return FOVEA_LAUNCH(split_sums, Grid{blocks_for(outer * size, kThreads)}, kThreads, 0, stream, parts, outer, splits,
                      size, factors, sums);
}
