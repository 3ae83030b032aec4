// The emulation itself: it must see what goes wrong on a GPU, or the tests that use it prove nothing.
#include <vector>

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include "attention/kernels/launch.h"
#include "emulated.h"

namespace {

using namespace fovea::attention::kernels;
using cuda_emulation::Order;

constexpr int kThreads = 64;

__global__ void reversed(const float* in, float* out, bool with_barrier) {
  __shared__ float tile[kThreads];
  tile[threadIdx.x] = in[blockIdx.x * blockDim.x + threadIdx.x];
  if (with_barrier) __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}

std::vector<float> run_reversed(bool with_barrier, Order order) {
  cuda_emulation::set_order(order, 3);
  std::vector<float> in(2 * kThreads), out(2 * kThreads);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i);
  EXPECT_EQ(FOVEA_LAUNCH(reversed, Grid{2}, kThreads, 0, nullptr, in.data(), out.data(), with_barrier), cudaSuccess);
  return out;
}

TEST(CudaEmulation, AMissingBarrierReadsNan) {
  for (Order order : {Order::kForward, Order::kReverse, Order::kRandom}) {
    const std::vector<float> good = run_reversed(true, order), bad = run_reversed(false, order);
    int wrong = 0;
    for (int i = 0; i < kThreads; ++i) {
      EXPECT_EQ(good[static_cast<std::size_t>(i)], static_cast<float>(kThreads - 1 - i));
      wrong += std::isnan(bad[static_cast<std::size_t>(i)]);
    }
    EXPECT_GT(wrong, 0);
  }
}

__global__ void shuffles(float* out) {
  const auto lane = static_cast<float>(threadIdx.x % warpSize);
  float* mine = out + 5 * threadIdx.x;
  mine[0] = __shfl_down_sync(0xffffffffu, lane, 3);
  mine[1] = __shfl_up_sync(0xffffffffu, lane, 3, 8);
  mine[2] = __shfl_xor_sync(0xffffffffu, lane, 5);
  mine[3] = __shfl_sync(0xffffffffu, lane, 9, 8);
  mine[4] = static_cast<float>(__ballot_sync(0xffffffffu, threadIdx.x % 16 == 0));
}

TEST(CudaEmulation, ShufflesFollowTheProgrammingGuide) {
  for (Order order : {Order::kForward, Order::kReverse, Order::kRandom}) {
    cuda_emulation::set_order(order, 5);
    std::vector<float> out(5 * kThreads);
    ASSERT_EQ(FOVEA_LAUNCH(shuffles, Grid{1}, kThreads, 0, nullptr, out.data()), cudaSuccess);
    for (int i = 0; i < kThreads; ++i) {
      const int lane = i % 32;
      const float* mine = out.data() + 5 * i;
      EXPECT_EQ(mine[0], lane + 3 < 32 ? lane + 3 : lane);
      EXPECT_EQ(mine[1], lane % 8 >= 3 ? lane - 3 : lane);
      EXPECT_EQ(mine[2], lane ^ 5);
      EXPECT_EQ(mine[3], lane / 8 * 8 + 1);
      EXPECT_EQ(mine[4], 65537.0f);
    }
  }
}

__global__ void diverges(int which) {
  if (which == 0 && threadIdx.x == 7) return;
  if (which == 1 && threadIdx.x < 8) __syncthreads();
  if (which == 2 && threadIdx.x < 8) __syncwarp();
  if (which == 3) __shfl_sync(0xffu, 1.0f, static_cast<int>(threadIdx.x) % 8);
  __syncthreads();
}

TEST(CudaEmulationDeathTest, DivergenceDeadlockAndForeignLanesAbort) {
  const auto run = [](int which) { FOVEA_LAUNCH(diverges, Grid{1}, kThreads, 0, nullptr, which); };
  EXPECT_DEATH(run(0), "barrier divergence: threads of the block have ended");
  EXPECT_DEATH(run(1), "barrier divergence: threads of the block wait elsewhere");
  EXPECT_DEATH(run(2), "deadlock");
  EXPECT_DEATH(run(3), "mask leaves out the caller");
}

__global__ void nothing(float*) {}

TEST(CudaEmulation, LimitsAndFailuresOfALaunchAreReported) {
  float* none = nullptr;
  EXPECT_EQ(FOVEA_LAUNCH(nothing, Grid{0}, 32, 0, nullptr, none), cudaErrorInvalidConfiguration);
  EXPECT_EQ(FOVEA_LAUNCH(nothing, (Grid{std::int64_t{1} << 32}), 32, 0, nullptr, none), cudaErrorInvalidConfiguration);
  EXPECT_EQ(FOVEA_LAUNCH(nothing, (Grid{1, 65536}), 32, 0, nullptr, none), cudaErrorInvalidConfiguration);
  EXPECT_EQ(FOVEA_LAUNCH(nothing, Grid{1}, 1025, 0, nullptr, none), cudaErrorInvalidConfiguration);
  EXPECT_EQ(FOVEA_LAUNCH(nothing, Grid{1}, 32, 300 << 10, nullptr, none), cudaErrorInvalidValue);
  EXPECT_EQ(FOVEA_LAUNCH(nothing, Grid{1}, 32, 64 << 10, nullptr, none), cudaSuccess);
  cuda_emulation::fail_next_launch(cudaErrorLaunchFailure);
  EXPECT_EQ(FOVEA_LAUNCH(nothing, Grid{1}, 32, 0, nullptr, none), cudaErrorLaunchFailure);
  EXPECT_EQ(FOVEA_LAUNCH(nothing, Grid{1}, 32, 0, nullptr, none), cudaSuccess);
}

__global__ void dynamic_nan(int* count) {
  FOVEA_DYNAMIC_SHARED(float, values);
  if (std::isnan(values[threadIdx.x])) atomicAdd(count, 1);
  __syncthreads();
  values[threadIdx.x] = 0;
}

TEST(CudaEmulation, SharedMemoryIsNanInEveryBlock) {
  int count = 0;
  ASSERT_EQ(FOVEA_LAUNCH(dynamic_nan, Grid{3}, 32, 32 * sizeof(float), nullptr, &count), cudaSuccess);
  EXPECT_EQ(count, 96);
}

#if defined(__SANITIZE_ADDRESS__)
__global__ void beyond_shared(int where) {
  __shared__ float fixed[8];
  FOVEA_DYNAMIC_SHARED(float, dynamic);
  volatile int index = where;  // or the compiler sees the bound
  if (threadIdx.x == 0) (where < 9 ? fixed : dynamic)[index] = 1;
}

TEST(CudaEmulationDeathTest, SanitizersSeeWritesBeyondSharedMemory) {
  const auto run = [](int where) { FOVEA_LAUNCH(beyond_shared, Grid{1}, 32, 9 * sizeof(float), nullptr, where); };
  EXPECT_DEATH(run(8), "runtime error|AddressSanitizer");
  EXPECT_DEATH(run(9), "runtime error|AddressSanitizer");
}
#endif

}  // namespace
