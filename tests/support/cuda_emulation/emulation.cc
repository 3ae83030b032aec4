#include "emulation.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "api.h"
#include "fiber_sanitizer.h"
#include "fiber_switch.h"

uint3 threadIdx{}, blockIdx{};
dim3 blockDim, gridDim;

// Bounds of the section that holds __shared__ variables; absent in a program without any.
extern "C" char __start_fovea_shared[] __attribute__((weak));
extern "C" char __stop_fovea_shared[] __attribute__((weak));

#if defined(__x86_64__)
asm(R"(
.text
.globl cuda_emulation_switch
.type cuda_emulation_switch, @function
cuda_emulation_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cuda_emulation_switch, .-cuda_emulation_switch
)");
#endif

namespace cuda_emulation {
namespace {

constexpr std::size_t kStackBytes = 256 << 10, kDefaultShared = 48 << 10, kLargestShared = 227 << 10;
constexpr unsigned kWarp = 32;

enum class State { kReady, kAtBlockBarrier, kAtWarpBarrier, kEnded };

struct Fiber {
  FiberContext context;
  void* stack = nullptr;
  SanitizerSwitch sanitizer;
  State state = State::kEnded;
  uint3 index{};
  unsigned mask = 0;
  const char* where = "";
  int line = 0;
  alignas(16) char slot[kSlotBytes];
};

struct Engine {
  std::vector<std::unique_ptr<Fiber>> fibers;
  FiberContext scheduler;
  SanitizerSwitch scheduler_sanitizer;
  const std::function<void()>* thread = nullptr;
  unsigned count = 0, current = 0;
  Order order = Order::kForward;
  std::mt19937 random{1};
  std::unique_ptr<char, void (*)(void*)> dynamic{nullptr, std::free};
  std::size_t dynamic_bytes = 0;
  std::map<const void*, std::size_t> allowed;
  int error = 0, compute_capability = 75;
  std::int64_t launches = 0;
  bool running = false;
};

Engine& engine() {
  static Engine instance;
  return instance;
}

[[noreturn]] void fail(const char* problem, const Fiber& fiber) {
  std::fprintf(stderr, "CUDA emulation: %s (thread %u,%u,%u of block %u,%u,%u, at %s:%d, mask %08x)\n", problem,
               fiber.index.x, fiber.index.y, fiber.index.z, blockIdx.x, blockIdx.y, blockIdx.z, fiber.where, fiber.line,
               fiber.mask);
  std::abort();
}

Fiber& running_fiber() {
  return *engine().fibers[engine().current];
}

void check_own(unsigned mask) {
  if ((mask >> engine().current % kWarp & 1u) == 0)
    fail("a warp operation whose mask leaves out the caller", running_fiber());
}

void to_scheduler() {
  Engine& e = engine();
  Fiber& fiber = running_fiber();
  leave_for(fiber.sanitizer, e.scheduler_sanitizer);
  switch_context(fiber.context, e.scheduler);
  arrived(fiber.sanitizer, e.scheduler_sanitizer);
}

void fiber_main() {
  arrived(running_fiber().sanitizer, engine().scheduler_sanitizer);
  for (;;) {
    (*engine().thread)();
    running_fiber().state = State::kEnded;
    to_scheduler();
  }
}

void make_fiber(Fiber& fiber) {
  fiber.stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (fiber.stack == MAP_FAILED || mprotect(fiber.stack, 4096, PROT_NONE) != 0) {
    std::perror("CUDA emulation: no stack");
    std::abort();
  }
  fiber.sanitizer = {fiber.stack, kStackBytes, nullptr};
  make_context(fiber.context, fiber.stack, kStackBytes, fiber_main);
}

void resume(unsigned i) {
  Engine& e = engine();
  e.current = i;
  Fiber& fiber = running_fiber();
  threadIdx = fiber.index;
  leave_for(e.scheduler_sanitizer, fiber.sanitizer);
  switch_context(e.scheduler, fiber.context);
  arrived(e.scheduler_sanitizer, fiber.sanitizer);
}

template <class Index>
void arrange(std::vector<Index>& order) {
  Engine& e = engine();
  std::iota(order.begin(), order.end(), Index{0});
  if (e.order == Order::kReverse) std::reverse(order.begin(), order.end());
  if (e.order == Order::kRandom) std::shuffle(order.begin(), order.end(), e.random);
}

/// Every lane that `waiting` names waits for the same lanes and the same operation, or has ended.
bool warp_is_complete(const Fiber& waiting, unsigned first, unsigned last) {
  for (unsigned j = first; j < last; ++j) {
    const Fiber& other = *engine().fibers[j];
    if ((waiting.mask >> (j - first) & 1u) == 0 || other.state == State::kEnded) continue;
    if (other.state != State::kAtWarpBarrier || other.mask != waiting.mask) return false;
    if (other.where != waiting.where && std::strcmp(other.where, waiting.where) != 0) return false;
  }
  return true;
}

/// Lets lanes go on once all that they wait for have come. `moved` has just waited or ended.
void release_warp(unsigned moved) {
  Engine& e = engine();
  const unsigned first = moved - moved % kWarp, last = std::min(first + kWarp, e.count);
  if (e.fibers[moved]->state == State::kReady || e.fibers[moved]->state == State::kAtBlockBarrier) return;
  const bool ended = e.fibers[moved]->state == State::kEnded;
  for (unsigned i = ended ? first : moved; i < (ended ? last : moved + 1); ++i) {
    const Fiber& waiting = *e.fibers[i];
    if (waiting.state != State::kAtWarpBarrier || !warp_is_complete(waiting, first, last)) continue;
    const unsigned mask = waiting.mask;
    for (unsigned j = first; j < last; ++j)
      if ((mask >> (j - first) & 1u) != 0 && e.fibers[j]->state == State::kAtWarpBarrier)
        e.fibers[j]->state = State::kReady;
  }
}

/// Nobody can run: either all wait at one barrier, which then opens, or the kernel is wrong.
void release_block() {
  Engine& e = engine();
  const Fiber* first = nullptr;
  for (unsigned i = 0; i < e.count; ++i) {
    const Fiber& fiber = *e.fibers[i];
    if (fiber.state == State::kAtWarpBarrier)
      fail("deadlock: a warp operation waits for lanes that do not come", fiber);
    if (fiber.state == State::kAtBlockBarrier && !first) first = &fiber;
  }
  for (unsigned i = 0; i < e.count; ++i) {
    Fiber& fiber = *e.fibers[i];
    if (fiber.state == State::kEnded) fail("barrier divergence: threads of the block have ended", *first);
    if (fiber.line != first->line || std::strcmp(fiber.where, first->where) != 0)
      fail("barrier divergence: threads of the block wait elsewhere", fiber);
    fiber.state = State::kReady;
  }
}

// Byte by byte and unseen by ASan: the red zones between shared variables are written too.
__attribute__((no_sanitize("address"))) void poison_shared() {
  for (volatile char* byte = __start_fovea_shared; byte != __stop_fovea_shared; ++byte) *byte = '\xff';
  if (engine().dynamic_bytes > 0) std::memset(engine().dynamic.get(), 0xff, engine().dynamic_bytes);
}

void run_block() {
  Engine& e = engine();
  poison_shared();
  for (unsigned i = 0; i < e.count; ++i) {
    Fiber& fiber = *e.fibers[i];
    fiber.state = State::kReady;
    fiber.index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
    fiber.where = "", fiber.line = 0, fiber.mask = 0;
  }
  std::vector<unsigned> order(e.count);
  for (;;) {
    arrange(order);
    bool moved = false, ended = true;
    for (unsigned i : order) {
      if (e.fibers[i]->state == State::kReady) {
        resume(i);
        moved = true;
        release_warp(i);
      }
      ended = ended && e.fibers[i]->state == State::kEnded;
    }
    if (ended) return;
    if (!moved) release_block();
  }
}

int refused(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes) {
  const Engine& e = engine();
  const std::size_t threads = std::size_t{block.x} * block.y * block.z;
  const auto found = e.allowed.find(kernel);
  const std::size_t allowed = found == e.allowed.end() ? kDefaultShared : std::max(found->second, kDefaultShared);
  const bool fits = threads >= 1 && threads <= 1024 && block.z <= 64 && grid.x >= 1 && grid.x <= 0x7fffffffu &&
                    grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 && grid.z <= 65535;
  if (!fits) return cudaErrorInvalidConfiguration;
  return shared_bytes <= allowed ? cudaSuccess : cudaErrorInvalidValue;
}

}  // namespace

void set_order(Order order, unsigned seed) {
  engine().order = order;
  engine().random.seed(seed);
}
void fail_next_launch(int error) {
  engine().error = error;
}
void set_compute_capability(int value) {
  engine().compute_capability = value;
}
std::int64_t launches() {
  return engine().launches;
}

int allow_shared(const void* kernel, int bytes) {
  if (bytes < 0 || static_cast<std::size_t>(bytes) > kLargestShared) return cudaErrorInvalidValue;
  engine().allowed[kernel] = static_cast<std::size_t>(bytes);
  return cudaSuccess;
}

int launch(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& thread) {
  Engine& e = engine();
  if (const int error = refused(kernel, grid, block, shared_bytes)) return e.error = error;
  if (e.running) {
    std::fputs("CUDA emulation: a launch from a kernel or a second OS thread\n", stderr);
    std::abort();
  }
  e.running = true, ++e.launches;
  e.count = block.x * block.y * block.z;
  while (e.fibers.size() < e.count) make_fiber(*e.fibers.emplace_back(std::make_unique<Fiber>()));
  e.dynamic.reset(
      static_cast<char*>(std::aligned_alloc(128, std::max<std::size_t>(128, (shared_bytes + 127) / 128 * 128))));
  e.dynamic_bytes = shared_bytes;
  poison_tail(e.dynamic.get(), shared_bytes);
  e.thread = &thread, blockDim = block, gridDim = grid;
  std::vector<std::uint64_t> blocks(std::uint64_t{grid.x} * grid.y * grid.z);
  arrange(blocks);
  for (std::uint64_t i : blocks) {
    blockIdx = {static_cast<unsigned>(i % grid.x), static_cast<unsigned>(i / grid.x % grid.y),
                static_cast<unsigned>(i / grid.x / grid.y)};
    run_block();
  }
  e.running = false;
  return cudaSuccess;
}

void block_barrier(const char* file, int line) {
  Fiber& fiber = running_fiber();
  fiber.state = State::kAtBlockBarrier, fiber.where = file, fiber.line = line;
  to_scheduler();
}

void warp_barrier(unsigned mask, const char* what) {
  Fiber& fiber = running_fiber();
  fiber.mask = mask, fiber.where = what, fiber.line = 0;
  check_own(mask);
  fiber.state = State::kAtWarpBarrier;
  to_scheduler();
}

unsigned lane() {
  return engine().current % kWarp;
}

bool alive(unsigned lane_index, unsigned mask) {
  const unsigned i = engine().current - lane() + lane_index;
  return (mask >> lane_index & 1u) != 0 && i < engine().count && engine().fibers[i]->state != State::kEnded;
}

void* slot(unsigned lane_index, unsigned mask) {
  check_own(mask);
  if (lane_index >= kWarp || !alive(lane_index, mask)) fail("a read of a lane that takes no part", running_fiber());
  return engine().fibers[engine().current - lane() + lane_index]->slot;
}

void* dynamic_shared() {
  return engine().dynamic.get();
}

}  // namespace cuda_emulation

cudaError_t cudaGetLastError() {
  return std::exchange(cuda_emulation::engine().error, cudaSuccess);
}
cudaError_t cudaPeekAtLastError() {
  return cuda_emulation::engine().error;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  const int capability = cuda_emulation::engine().compute_capability;
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount: *value = 4; break;
    case cudaDevAttrComputeCapabilityMajor: *value = capability / 10; break;
    case cudaDevAttrComputeCapabilityMinor: *value = capability % 10; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = 64 << 10; break;
  }
  return cudaSuccess;
}
