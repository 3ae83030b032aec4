// Runs CUDA kernels on the host. The threads of a block are fibers of one OS thread: they switch at barriers and warp
// operations alone, in an order that a test chooses, so that a missing barrier gives a wrong result in some order.
// Diverging barriers, deadlocks and reads of lanes that take no part abort with a message. Shared memory is NaN (all
// bits set) at the start of every block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

namespace cuda_emulation {

enum class Order { kForward, kReverse, kRandom };
/// Of threads within a block and of blocks within a grid, from the next launch on.
void set_order(Order order, unsigned seed = 1);

/// The next `cudaGetLastError` returns this once: what a launch on a broken device looks like.
void fail_next_launch(int error);
/// What `cudaDeviceGetAttribute` reports, major * 10 + minor.
void set_compute_capability(int value);
std::int64_t launches();  ///< since the start: tells a test which kernels ran

/// Runs `thread` for every thread of every block. Returns a cudaError_t for limits that a device would refuse.
int launch(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& thread);

// What device code calls.
void block_barrier(const char* file, int line);
void warp_barrier(unsigned mask, const char* what);
unsigned lane();
void* dynamic_shared();
/// The exchange slot of a lane of the calling thread's warp; aborts for a lane that is not in `mask` or has ended.
void* slot(unsigned lane_index, unsigned mask);
bool alive(unsigned lane_index, unsigned mask);  ///< named by the mask, and running
constexpr std::size_t kSlotBytes = 32;

}  // namespace cuda_emulation
