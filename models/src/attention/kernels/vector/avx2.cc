// AVX2 with FMA: 8 floats a vector.
#if defined(__AVX2__)
#define FOVEA_ISA avx2
#define FOVEA_VECTOR_BYTES 32
#include "attention/kernels/vector/pool_vector.h"

namespace fovea::attention::kernels {
extern const PoolKernels<float> kAvx2PoolKernels;
const PoolKernels<float> kAvx2PoolKernels = avx2::table("avx2");
}  // namespace fovea::attention::kernels
#endif
