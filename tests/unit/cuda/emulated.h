// What the tests of CUDA kernels share: the operators' launchers from this program instead of libfovea_cuda.so, and
// the fibers' orders.
#pragma once

#include <functional>

#include <ATen/ATen.h>
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "attention/ops/cuda_library.h"
#include "attention_checks.h"
#include "emulation.h"

namespace fovea::attention::testing_tools {

/// While alive, ops/cuda_*.cc launch the emulated kernels on CPU tensors.
class EmulatedDevice {
 public:
  EmulatedDevice() {
    ops::use_cuda_symbols([](const char* name) { return dlsym(RTLD_DEFAULT, name); });
  }
  ~EmulatedDevice() { ops::use_cuda_symbols(nullptr); }
};

/// Runs `act` under every order of threads and blocks; ends with the forward one.
inline void in_every_order(const std::function<void()>& act) {
  using cuda_emulation::Order;
  for (const Order order : {Order::kReverse, Order::kRandom, Order::kForward}) {
    cuda_emulation::set_order(order, 17);
    act();
  }
}

}  // namespace fovea::attention::testing_tools
