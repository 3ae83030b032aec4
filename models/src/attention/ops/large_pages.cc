#include "attention/ops/large_pages.h"

#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace fovea::attention::ops {

at::Tensor on_large_pages(at::Tensor fresh) {
#if defined(__linux__)
  constexpr std::uintptr_t kPage = 4096, kWorthwhile = 4 << 20;
  if (fresh.is_cpu() && fresh.nbytes() >= kWorthwhile) {
    const auto begin = (reinterpret_cast<std::uintptr_t>(fresh.data_ptr()) + kPage - 1) / kPage * kPage;
    const auto end = (reinterpret_cast<std::uintptr_t>(fresh.data_ptr()) + fresh.nbytes()) / kPage * kPage;
    // A refusal changes nothing but the speed.
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
  }
#endif
  return fresh;
}

}  // namespace fovea::attention::ops
