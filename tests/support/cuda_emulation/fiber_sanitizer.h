// Tells AddressSanitizer which stack runs; nothing without it.
#pragma once

#include <cstddef>

namespace cuda_emulation {

/// One side of a switch: its stack, and what the sanitizer keeps of it while it is away.
struct SanitizerSwitch {
  const void* bottom = nullptr;
  std::size_t size = 0;
  void* kept = nullptr;
};

}  // namespace cuda_emulation

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

namespace cuda_emulation {
inline void leave_for(SanitizerSwitch& from, const SanitizerSwitch& to) {
  __sanitizer_start_switch_fiber(&from.kept, to.bottom, to.size);
}
/// `to` runs again; where it came from is learnt, since the scheduler's stack is the OS thread's.
inline void arrived(SanitizerSwitch& to, SanitizerSwitch& from) {
  __sanitizer_finish_switch_fiber(to.kept, &from.bottom, &from.size);
}
/// The allocator rounds up; what was not asked for may not be touched.
inline void poison_tail(char* memory, std::size_t bytes) {
  const std::size_t rounded = (bytes + 127) / 128 * 128, all = rounded == 0 ? 128 : rounded;
  __asan_poison_memory_region(memory + bytes, all - bytes);
}
}  // namespace cuda_emulation
#else
namespace cuda_emulation {
inline void leave_for(SanitizerSwitch&, const SanitizerSwitch&) {}
inline void arrived(SanitizerSwitch&, SanitizerSwitch&) {}
inline void poison_tail(char*, std::size_t) {}
}  // namespace cuda_emulation
#endif
