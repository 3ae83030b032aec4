// Gate weights as the Hopper path reads them.
#include <cuda_bf16.h>

#include "attention/kernels/hopper_layout.cuh"
#include "attention/kernels/launch.h"

namespace {

using namespace fovea::attention::kernels;

constexpr int kThreads = 256;

/// One block a packed row; rows of units beyond the last are zeros.
__global__ void pack_gate(GateView gate, __nv_bfloat16* packed) {
  const std::int64_t tile = blockIdx.x / kHopperColumns, within = blockIdx.x % kHopperColumns;
  const bool sigmoid_path = within >= kHopperUnits;
  const std::int64_t unit = tile * kHopperUnits + within % kHopperUnits;
  const float* const source = (sigmoid_path ? gate.wu : gate.wv) + unit * gate.width;
  for (std::int64_t d = threadIdx.x; d < gate.width; d += kThreads)
    packed[packed_row(unit, sigmoid_path) * gate.width + d] = __float2bfloat16(unit < gate.hidden ? source[d] : 0.0f);
}

}  // namespace

extern "C" int fovea_cuda_pack_gate(GateView gate, void* packed, void* stream) {
  return FOVEA_LAUNCH(pack_gate, Grid{packed_rows(gate.hidden)}, kThreads, 0, stream, gate,
                      static_cast<__nv_bfloat16*>(packed));
}
