// Switching between stacks of one OS thread. swapcontext asks the kernel for the signal mask at every switch, which is
// most of an emulated kernel's time, so x86-64 has its own few instructions.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)

namespace cuda_emulation {
struct FiberContext {
  void* stack_pointer = nullptr;
};
}  // namespace cuda_emulation

/// Keeps the registers that a call preserves on the old stack, then takes those of the new one.
extern "C" void cuda_emulation_switch(void** from, void* to);

namespace cuda_emulation {

inline void switch_context(FiberContext& from, FiberContext& to) {
  cuda_emulation_switch(&from.stack_pointer, to.stack_pointer);
}

/// The first switch to it enters `main`, which never returns.
inline void make_context(FiberContext& context, void* stack, std::size_t bytes, void (*main)()) {
  constexpr int kKeptRegisters = 6;
  auto* const top = reinterpret_cast<std::uintptr_t*>(static_cast<char*>(stack) + bytes);
  top[-1] = 0;  // where main would return to; leaves the stack aligned as after a call
  top[-2] = reinterpret_cast<std::uintptr_t>(main);
  for (int i = 0; i < kKeptRegisters; ++i) top[-3 - i] = 0;
  context.stack_pointer = top - 2 - kKeptRegisters;
}

}  // namespace cuda_emulation

#else
#include <ucontext.h>

namespace cuda_emulation {
struct FiberContext {
  ucontext_t context;
};
inline void switch_context(FiberContext& from, FiberContext& to) {
  swapcontext(&from.context, &to.context);
}
inline void make_context(FiberContext& context, void* stack, std::size_t bytes, void (*main)()) {
  getcontext(&context.context);
  context.context.uc_stack = {stack, 0, bytes};
  context.context.uc_link = nullptr;
  makecontext(&context.context, main, 0);
}
}  // namespace cuda_emulation
#endif
