// Barriers and warp operations.
#pragma once

#include <cstring>
#include <type_traits>

#include "emulation.h"

#define __syncthreads() ::cuda_emulation::block_barrier(__FILE__, __LINE__)
inline void __syncwarp(unsigned mask = 0xffffffffu) {
  cuda_emulation::warp_barrier(mask, "__syncwarp");
}
inline void __threadfence() {}
inline void __threadfence_block() {}

namespace cuda_emulation {

template <class T>
void put(const T& value, unsigned mask) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kSlotBytes, "lanes exchange small plain values");
  std::memcpy(slot(lane(), mask), &value, sizeof value);
}
template <class T>
T get(unsigned from, unsigned mask) {
  T value;
  std::memcpy(&value, slot(from, mask), sizeof value);
  return value;
}

/// Every lane gives a value and reads that of lane `from`; the second barrier keeps slots until all have read.
template <class T>
T exchange(unsigned mask, const T& value, unsigned from, const char* what) {
  put(value, mask);
  warp_barrier(mask, what);
  const T result = get<T>(from, mask);
  warp_barrier(mask, what);
  return result;
}

}  // namespace cuda_emulation

template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32) {
  const unsigned lane = cuda_emulation::lane(), first = lane & ~static_cast<unsigned>(width - 1);
  return cuda_emulation::exchange(mask, value, first + static_cast<unsigned>(from & (width - 1)), "__shfl_sync");
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32) {
  const unsigned lane = cuda_emulation::lane(), from = lane + by;
  const bool inside = from / static_cast<unsigned>(width) == lane / static_cast<unsigned>(width);
  return cuda_emulation::exchange(mask, value, inside ? from : lane, "__shfl_down_sync");
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32) {
  const unsigned lane = cuda_emulation::lane(), within = lane & static_cast<unsigned>(width - 1);
  return cuda_emulation::exchange(mask, value, within >= by ? lane - by : lane, "__shfl_up_sync");
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int with, int width = 32) {
  const unsigned lane = cuda_emulation::lane(), from = lane ^ static_cast<unsigned>(with);
  const bool inside = from / static_cast<unsigned>(width) <= lane / static_cast<unsigned>(width);
  return cuda_emulation::exchange(mask, value, inside ? from : lane, "__shfl_xor_sync");
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  cuda_emulation::put(predicate, mask);
  cuda_emulation::warp_barrier(mask, "__ballot_sync");
  unsigned result = 0;
  for (unsigned i = 0; i < 32; ++i)
    if (cuda_emulation::alive(i, mask) && cuda_emulation::get<int>(i, mask) != 0) result |= 1u << i;
  cuda_emulation::warp_barrier(mask, "__ballot_sync");
  return result;
}
inline int __any_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) != 0;
}
inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, !predicate) == 0;
}
