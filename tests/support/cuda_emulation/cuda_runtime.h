// Stand-in for <cuda_runtime.h> that lets g++ compile .cu files for the host (emulation.h). Only what Fovea's kernels
// use. No atomicAdd on floats: results are to be bit-identical between runs.
#pragma once

#define FOVEA_CUDA_EMULATION 1

#include <math.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "emulation.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
// One section holds them all, so that the emulator can fill it. Fibers run on one OS thread, one block at a time.
#define __shared__ static __attribute__((section("fovea_shared")))

inline constexpr int warpSize = 32;

#include "api.h"
#include "intrinsics.h"
#include "warp.h"
