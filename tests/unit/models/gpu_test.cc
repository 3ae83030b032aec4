// Every operator on a real GPU against the CPU: what the emulated tests cannot show. Skipped where there is none.
#include <functional>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <fovea/models/attention.h>
#include <fovea/models/linear_attention.h>
#include <fovea/models/self_attention.h>
#include <fovea/models/softmax_state.h>
#include <fovea/models/sparse_attention.h>
#include <fovea/models/volume_attention.h>

#include "attention/ops/cuda_library.h"
#include "attention/ops/cuda_pool.h"
#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using testing_tools::expect_close;
using Tensors = std::vector<at::Tensor>;

/// Why nothing can run here; empty with a GPU. LibTorch's CUDA half is opened here, as it is linked nowhere; it lies
/// beside the CPU half, where this program's own search path leads.
std::string obstacle() {
  if (!dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL))
    return "LibTorch's CUDA half cannot be opened (./run deps --cuda): " + std::string(dlerror());
  return at::detail::getCUDAHooks().deviceCount() > 0 ? "" : "this machine has no NVIDIA GPU";
}

/// An operator as a function of its floating-point inputs.
struct Case {
  std::string name;
  Tensors inputs;
  std::function<Tensors(const Tensors&)> run;
};

GateWeights gate_from(const Tensors& t) {
  return {t[1], t[2], t[3], t[4], t[5], t[6]};
}

std::vector<Case> pooling_cases() {
  const Tensors gate{at::randn({3001, 70}), at::randn({40, 70}) / 8, at::randn({40}), at::randn({40, 70}) / 8,
                     at::randn({40}),       at::randn({5, 40}) / 4,  at::randn({5})};
  Tensors wide = gate;
  wide[0] = at::randn({1500, 600}), wide[1] = at::randn({40, 600}) / 24, wide[3] = at::randn({40, 600}) / 24;
  const auto all = [](const Pooled& p) { return Tensors{p.z, p.scores, p.lse, p.entropy, p.gram}; };
  const at::Tensor keep = at::rand({3001}) > 0.3;
  const auto gated = [all](const Tensors& t) { return all(gated_pool(t[0], gate_from(t))); };
  return {{"gated_pool", gate, gated},
          {"gated_pool, wide rows", wide, gated},
          {"gated_pool, masked", gate,
           [=](const Tensors& t) { return all(gated_pool(t[0], gate_from(t), keep.to(t[0].device()), -1e9)); }},
          {"score_pool",
           {at::randn({5, 3001}), at::randn({3001, 70})},
           [all](const Tensors& t) { return all(score_pool(t[0], t[1])); }},
          {"softmax_merge",
           {at::randn({4, 7, 33}), at::randn({4, 7}) * 10},
           [](const Tensors& t) {
             const Merged m = softmax_merge(t[0], t[1]);
             return Tensors{m.out, m.lse};
           }},
          {"branch_gram", {at::randn({5, 3001})}, [](const Tensors& t) { return Tensors{branch_gram(t[0]).gram}; }},
          {"query_pool",
           {at::randn({2100, 70}), at::randn({5, 32}), at::randn({32, 32}) / 6, at::randn({32, 70}) / 8,
            at::randn({32, 70}) / 8},
           [](const Tensors& t) {
             QueryPoolWeights w;
             w.wq = t[2], w.wk = t[3], w.wv = t[4];
             const QueryPooled p = query_pool(t[0], t[1], w, 8);
             return Tensors{p.z, p.scores, p.lse};
           }}};
}

std::vector<Case> token_cases() {
  const auto qkv = [](std::int64_t n) {
    return Tensors{at::randn({2, 4, n, 16}), at::randn({2, 4, n, 16}), at::randn({2, 4, n, 16})};
  };
  const at::Tensor blocks = at::rand({1, 1, 4, 4}) > 0.4;
  const auto both = [](const Attended& a) { return Tensors{a.out, a.lse}; };
  return {{"attention", qkv(130), [both](const Tensors& t) { return both(attention(t[0], t[1], t[2])); }},
          {"neighbourhood_attention", qkv(11 * 13),
           [both](const Tensors& t) {
             NeighbourhoodOptions options;
             options.window = {5, 7};
             return both(neighbourhood_attention(t[0], t[1], t[2], {11, 13}, options));
           }},
          {"linear_attention", qkv(301), [](const Tensors& t) { return Tensors{linear_attention(t[0], t[1], t[2])}; }},
          {"mala", qkv(301), [](const Tensors& t) { return Tensors{mala(t[0], t[1], t[2]).out}; }},
          {"decayed_linear_attention", qkv(301),
           [](const Tensors& t) {
             const at::Tensor slopes = alibi_slopes(4).to(t[0].options());
             return Tensors{decayed_linear_attention(t[0], t[1], t[2], slopes, Decay::kBidirectional)};
           }},
          {"block_sparse_attention", qkv(125), [=](const Tensors& t) {
             return both(block_sparse_attention(t[0], t[1], t[2], blocks.to(t[0].device()), 32));
           }}};
}

std::vector<Case> volume_cases() {
  const auto gate = [](GateCombine combine) {
    return [combine](const Tensors& t) {
      const Gated gated = attention_gate(t[0], t[1], {t[2], t[3], t[4], t[5], t[6], t[7]}, combine, true);
      return Tensors{gated.out, gated.alpha};
    };
  };
  const auto gate_inputs = [](std::int64_t last) {
    return Tensors{at::randn({2, 6, 9, 10, 11}),
                   at::randn({2, 5, 9, 10, 11}),
                   at::randn({4, 6}),
                   at::randn({4}),
                   at::randn({4, 5}),
                   at::randn({4}),
                   at::randn({last}),
                   at::randn({1})};
  };
  const at::Tensor present = at::tensor({1, 1, 0, 1, 0, 1}).view({2, 3}).to(at::kBool);
  return {{"attention_gate, concat", gate_inputs(8), gate(GateCombine::kConcat)},
          {"attention_gate, add", gate_inputs(4), gate(GateCombine::kAdd)},
          {"dual_position",
           {at::randn({1, 16, 7, 8, 9}), at::randn({4, 16}) / 4, at::randn({4}), at::randn({4, 16}) / 4, at::randn({4}),
            at::randn({16, 16}) / 4, at::randn({16}), at::ones({1})},
           [](const Tensors& t) {
             return Tensors{dual_position(t[0], {t[1], t[2], t[3], t[4], t[5], t[6], t[7]})};
           }},
          {"dual_channel",
           {at::randn({1, 16, 7, 8, 9}) / 20, at::ones({1})},
           [](const Tensors& t) { return Tensors{dual_channel(t[0], t[1], ChannelForm::kInverted)}; }},
          {"modality_attention",
           {at::randn({2, 3, 6, 7, 8, 9}), at::randn({2, 4, 7, 8, 9}), at::randn({3, 5, 6}), at::randn({5, 4}),
            at::randn({5}), at::randn({5}), at::randn({1})},
           [=](const Tensors& t) {
             const FusedModalities m =
                 modality_attention(t[0], t[1], present.to(t[0].device()), {t[2], t[3], t[4], t[5], t[6]});
             return Tensors{m.y, m.weights};
           }}};
}

Tensors moved(const Tensors& tensors, at::Device device, bool with_graph) {
  Tensors result;
  for (const at::Tensor& tensor : tensors) result.push_back(tensor.detach().to(device).requires_grad_(with_graph));
  return result;
}

/// A scalar that depends on every output, by weights that do not depend on the device.
at::Tensor summary(const Tensors& outputs) {
  at::Tensor sum;
  for (const at::Tensor& output : outputs) {
    const at::Tensor weights = at::cos(at::arange(output.numel(), at::kFloat)).view(output.sizes()).to(output.device());
    const at::Tensor term = (output * weights).sum();
    sum = sum.defined() ? sum + term : term;
  }
  return sum;
}

void expect_same(const at::Tensor& on_gpu, const at::Tensor& on_cpu) {
  const double scale = std::max(1.0, on_cpu.abs().max().item<double>());
  expect_close(on_gpu.cpu(), on_cpu, 2e-4 * scale);
}

void check(const Case& item) {
  SCOPED_TRACE(item.name);
  const Tensors cpu = item.run(item.inputs), gpu_inputs = moved(item.inputs, at::kCUDA, false);
  const Tensors gpu = item.run(gpu_inputs), again = item.run(gpu_inputs);
  for (std::size_t i = 0; i < cpu.size(); ++i) {
    expect_same(gpu[i], cpu[i]);
    EXPECT_TRUE(at::equal(gpu[i], again[i])) << "output " << i << " differs between two runs";
  }
  const Tensors leaves = moved(item.inputs, at::kCPU, true), gpu_leaves = moved(item.inputs, at::kCUDA, true);
  summary(item.run(leaves)).backward();
  summary(item.run(gpu_leaves)).backward();
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (leaves[i].grad().defined()) expect_same(gpu_leaves[i].grad(), leaves[i].grad());
}

class Gpu : public testing::Test {
 protected:
  void SetUp() override {
    static const std::string why = obstacle();
    if (!why.empty()) GTEST_SKIP() << why;
    at::manual_seed(11);
  }
};

TEST_F(Gpu, PoolingAgreesWithTheCpuInBothDirections) {
  for (const Case& item : pooling_cases()) check(item);
}
TEST_F(Gpu, TokenOperatorsAgreeWithTheCpuInBothDirections) {
  for (const Case& item : token_cases()) check(item);
}
TEST_F(Gpu, VolumeOperatorsAgreeWithTheCpuInBothDirections) {
  for (const Case& item : volume_cases()) check(item);
}

TEST_F(Gpu, PoolingKernelsTakeEveryPrecisionAndTheirBackwardAgrees) {
  ASSERT_TRUE(ops::has_cuda_kernels(at::zeros({1}, at::kCUDA))) << "libfovea_cuda.so is not beside libfovea_models.so";
  const Tensors cpu = pooling_cases().front().inputs, gpu = moved(cpu, at::kCUDA, false);
  const at::Tensor exact = ops::reference_scores(cpu[0].to(at::kDouble), gate_from([&] {
                                                   Tensors wide;
                                                   for (const at::Tensor& t : cpu) wide.push_back(t.to(at::kDouble));
                                                   return wide;
                                                 }()));
  const std::pair<ops::CudaGateOptions, double> expected[] = {{{kernels::kExactGate, false}, 3e-5},
                                                              {{kernels::kTf32Gate, false}, 1e-2},
                                                              {{kernels::kBfloat16Gate, false}, 1e-1}};
  for (const auto& [options, tolerance] : expected)
    expect_close(ops::cuda_gate_scores(gpu[0], gate_from(gpu), {}, options).cpu().to(at::kDouble), exact, tolerance);
  const ops::PooledGradients g{at::randn({5, 70}), {}, at::randn({5}), at::randn({5}), at::randn({5, 5})};
  const Pooled pooled = gated_pool(cpu[0], gate_from(cpu));
  const auto on_cpu = ops::native_gated_pool_backward(g, pooled, cpu[0], gate_from(cpu), {}, true);
  const auto to_gpu = [](const at::Tensor& t) { return t.defined() ? t.cuda() : t; };
  const auto on_gpu = ops::cuda_gated_pool_backward({to_gpu(g.z), {}, to_gpu(g.lse), to_gpu(g.entropy), to_gpu(g.gram)},
                                                    ops::cuda_gated_pool(gpu[0], gate_from(gpu), {}, {}), gpu[0],
                                                    gate_from(gpu), {}, true);
  expect_same(on_gpu.x, on_cpu.x), expect_same(on_gpu.wv, on_cpu.wv), expect_same(on_gpu.wu, on_cpu.wu);
  expect_same(on_gpu.w, on_cpu.w), expect_same(on_gpu.b, on_cpu.b), expect_same(on_gpu.bv, on_cpu.bv);
}

TEST_F(Gpu, HopperScoresAgree) {
  ops::CudaGateOptions options{kernels::kBfloat16Gate, true};
  const Tensors cpu{at::randn({3001, 192}), at::randn({130, 192}) / 14, at::randn({130}), at::randn({130, 192}) / 14,
                    at::randn({130}),       at::randn({5, 130}) / 8,    at::randn({5})};
  const Tensors gpu = moved(cpu, at::kCUDA, false);
  expect_close(ops::cuda_gate_scores(gpu[0], gate_from(gpu), {}, options).cpu(),
               ops::reference_scores(cpu[0], gate_from(cpu)), 1e-1);
}

}  // namespace
