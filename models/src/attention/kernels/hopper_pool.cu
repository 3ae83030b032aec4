// Gate scores at bf16 on Hopper (sm_90a): a producer warp brings tiles by TMA, two warp groups multiply them with wgmma
// and keep the scores in registers. Compiled only: it has never run (docs/gpu.md), and the dispatcher takes it only
// when FOVEA_CUDA_HOPPER=1 asks. Its index arithmetic is hopper_layout.cuh, which the emulated tests check.
#include <cuda.h>
#include <cuda_bf16.h>

#include "attention/kernels/hopper_layout.cuh"
#include "attention/kernels/launch.h"

namespace {

using namespace fovea::attention::kernels;

constexpr int kStages = 4, kGroup = 128, kThreads = 3 * kGroup, kConsumerWarps = 2 * kGroup / kWarp;
constexpr int kTileBytes = kHopperRows * kHopperDepth * 2;  ///< of x, and of the weights
constexpr std::size_t kSharedBytes = 1024 + std::size_t{kStages} * 2 * kTileBytes;

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define FOVEA_HOPPER_BODY 1
#endif

#if defined(FOVEA_HOPPER_BODY)
__device__ std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

__device__ void barrier_init(std::uint64_t* barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals) : "memory");
}
__device__ void barrier_expect(std::uint64_t* barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes)
               : "memory");
}
__device__ void barrier_arrive(std::uint64_t* barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
}
__device__ void barrier_wait(std::uint64_t* barrier, int parity) {
  asm volatile(
      "{\n.reg .pred done;\nretry:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@done bra over;\nbra retry;\nover:\n}" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
}

__device__ void load_tile(const CUtensorMap* map, void* to, std::uint64_t* barrier, int depth, int line) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" ::
          "r"(shared_address(to)),
      "l"(map), "r"(shared_address(barrier)), "r"(depth), "r"(line)
      : "memory");
}

#define FOVEA_D8(i)                                                                                           \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), \
      "+f"(d[i + 7])

/// d (+)= a b for 64 rows, 128 columns and 16 of depth.
__device__ void multiply(float (&d)[kHopperAccumulators], std::uint64_t a, std::uint64_t b, int accumulate) {
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %66, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "%64, %65, p, 1, 1, 0, 0;\n}"
      : FOVEA_D8(0), FOVEA_D8(8), FOVEA_D8(16), FOVEA_D8(24), FOVEA_D8(32), FOVEA_D8(40), FOVEA_D8(48), FOVEA_D8(56)
      : "l"(a), "l"(b), "r"(accumulate));
}

struct Pipeline {
  std::uint64_t full[kStages], empty[kStages];
};

/// Every (tile of units, slab of depth) in order, as the consumers take them.
__device__ void produce(const CUtensorMap* x, const CUtensorMap* weights, Pipeline& pipe, unsigned char* tiles,
                        int first_row, int unit_tiles, int slabs) {
  for (int step = 0; step < unit_tiles * slabs; ++step) {
    const int stage = step % kStages, depth = step % slabs * kHopperDepth;
    if (step >= kStages) barrier_wait(&pipe.empty[stage], (step / kStages - 1) % 2);
    unsigned char* const to = tiles + stage * 2 * kTileBytes;
    barrier_expect(&pipe.full[stage], 2 * kTileBytes);
    load_tile(x, to, &pipe.full[stage], depth, first_row);
    load_tile(weights, to + kTileBytes, &pipe.full[stage], depth, step / slabs * kHopperColumns);
  }
}

/// One tile of units: pre-activations of 64 rows and 128 columns.
__device__ void consume(Pipeline& pipe, const unsigned char* tiles, int group, int first_step, int slabs,
                        float (&d)[kHopperAccumulators]) {
  for (int slab = 0; slab < slabs; ++slab) {
    const int step = first_step + slab, stage = step % kStages;
    barrier_wait(&pipe.full[stage], step / kStages % 2);
    const std::uint32_t a = shared_address(tiles + stage * 2 * kTileBytes) + group * (kTileBytes / 2),
                        b = shared_address(tiles + stage * 2 * kTileBytes + kTileBytes);
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
    for (int k = 0; k < kHopperDepth; k += 16)
      multiply(d, matrix_descriptor(a + 2 * k), matrix_descriptor(b + 2 * k), slab > 0 || k > 0);
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    // A warp each: one warp's products being done says nothing of its neighbours'.
    if (threadIdx.x % kWarp == 0) barrier_arrive(&pipe.empty[stage]);
  }
}
#endif

__global__ void __launch_bounds__(kThreads)
    hopper_scores(const __grid_constant__ CUtensorMap x, const __grid_constant__ CUtensorMap weights, std::int64_t rows,
                  GateView gate, KeepView keep, float* scores, std::int64_t stride) {
#if defined(FOVEA_HOPPER_BODY)
  __shared__ Pipeline pipe;
  FOVEA_DYNAMIC_SHARED(unsigned char, raw);
  unsigned char* const tiles =
      raw + (1024 - shared_address(raw) % 1024) % 1024;  // a swizzled tile starts at 1024 bytes
  const int group = static_cast<int>(threadIdx.x) / kGroup - 1, thread = static_cast<int>(threadIdx.x) % kGroup;
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kHopperRows;
  const int unit_tiles = static_cast<int>((gate.hidden + kHopperUnits - 1) / kHopperUnits),
            slabs = static_cast<int>((gate.width + kHopperDepth - 1) / kHopperDepth);
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < kStages; ++stage)
      barrier_init(&pipe.full[stage], 1), barrier_init(&pipe.empty[stage], kConsumerWarps);
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  }
  __syncthreads();
  if (group < 0) {
    if (threadIdx.x == 0) produce(&x, &weights, pipe, tiles, static_cast<int>(first_row), unit_tiles, slabs);
    return;
  }
  float sums[2][kHopperBranches] = {};
  for (int tile = 0; tile < unit_tiles; ++tile) {
    float d[kHopperAccumulators];
    for (float& value : d) value = 0;
    consume(pipe, tiles, group, tile * slabs, slabs, d);
    add_accumulator_dots(d, thread, gate, static_cast<std::int64_t>(tile) * kHopperUnits, sums);
  }
  store_accumulator_scores(sums, thread, first_row + group * kHopperRows / 2, rows, gate, keep, scores, stride);
#endif
}

/// A map of [lines, width] bf16 in tiles of 128 lines and 64 columns; what lies outside reads as zero.
int make_map(const void* data, std::int64_t lines, std::int64_t width, CUtensorMap* map) {
  static void* encode = nullptr;
  if (!encode) {
    cudaDriverEntryPointQueryResult found{};
    const auto status =
        cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &encode, 12000, cudaEnableDefault, &found);
    if (status != cudaSuccess || !encode) return cudaErrorNotSupported;
  }
  const cuuint64_t sizes[2] = {static_cast<cuuint64_t>(width), static_cast<cuuint64_t>(lines)},
                   strides[1] = {static_cast<cuuint64_t>(2 * width)};
  const cuuint32_t box[2] = {kHopperDepth, kHopperRows}, steps[2] = {1, 1};
  const CUresult result = reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(encode)(
      map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<void*>(data), sizes, strides, box, steps,
      CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
      CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return result == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
}

}  // namespace

extern "C" int fovea_cuda_hopper_scores(const void* x, const void* packed, std::int64_t rows, GateView gate,
                                        KeepView keep, float* scores, std::int64_t stride, void* stream) {
  const bool fits =
      gate.wu && gate.width % 8 == 0 && gate.branches <= kHopperBranches && rows <= 0x7fffffff - kHopperRows;
  if (!fits) return cudaErrorInvalidValue;
  CUtensorMap of_x, of_weights;
  if (const int status = make_map(x, rows, gate.width, &of_x)) return status;
  if (const int status = make_map(packed, packed_rows(gate.hidden), gate.width, &of_weights)) return status;
  return FOVEA_LAUNCH(hopper_scores, Grid{blocks_for(rows, kHopperRows)}, kThreads, kSharedBytes, stream, of_x,
                      of_weights, rows, gate, keep, scores, stride);
}
