// Which instruction set runs: what the CPU and the operating system offer, once a process.
#include "attention/kernels/vector/table.h"

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace fovea::attention::kernels {

extern const PoolKernels<float> kScalarPoolKernels;
#if defined(__x86_64__)
extern const PoolKernels<float> kAvx2PoolKernels, kAvx512PoolKernels;
#endif

std::vector<const PoolKernels<float>*> runnable_pool_kernels() {
  std::vector<const PoolKernels<float>*> tables;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
    tables.push_back(&kAvx512PoolKernels);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) tables.push_back(&kAvx2PoolKernels);
#endif
  tables.push_back(&kScalarPoolKernels);
  return tables;
}

template <>
const PoolKernels<float>& pool_kernels() {
  static const PoolKernels<float>* chosen = [] {
    const auto tables = runnable_pool_kernels();
    const char* wanted = std::getenv("FOVEA_CPU_KERNELS");
    for (const auto* table : tables)
      if (wanted && std::strcmp(wanted, table->name) == 0) return table;
    return tables.front();
  }();
  return *chosen;
}

bool has_bf16_tiles() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kAmxBf16 = 1U << 22, kAmxTile = 1U << 24, kOsxsave = 1U << 27, kTileState = 3U << 17;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & kOsxsave)) return false;
  // The CPU may have tiles that the system does not save between threads, virtual machines above all.
  unsigned saved = 0, high = 0;
  __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  return (saved & kTileState) == kTileState && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & kAmxBf16) &&
         (d & kAmxTile);
#else
  return false;
#endif
}

}  // namespace fovea::attention::kernels
