// AVX-512 (F, BW, DQ, VL): 16 floats a vector.
#if defined(__AVX512F__)
#define FOVEA_ISA avx512
#define FOVEA_VECTOR_BYTES 64
#include "attention/kernels/vector/pool_vector.h"

namespace fovea::attention::kernels {
extern const PoolKernels<float> kAvx512PoolKernels;
const PoolKernels<float> kAvx512PoolKernels = avx512::table("avx512");
}  // namespace fovea::attention::kernels
#endif
