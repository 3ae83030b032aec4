// What the current device can do.
#include <cuda_runtime.h>

#include "attention/kernels/pool_cuda.h"

extern "C" int fovea_cuda_compute_capability(int* value) {
  int device = 0, major = 0, minor = 0;
  int status = cudaGetDevice(&device);
  if (status == cudaSuccess) status = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  if (status == cudaSuccess) status = cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
  *value = 10 * major + minor;
  return status;
}
