// A TorchScript module that names Fovea's operators, through a file.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/frontend/sugared_value.h>
#include <torch/csrc/jit/serialization/import.h>

#include <fovea/models/attention.h>

namespace {

using namespace fovea::attention;

constexpr const char* kSource = R"(
def forward(self, x, wv, bv, wu, bu, w, b, q):
    z, s, lse, entropy, gram = fovea.gated_pool(x, wv, bv, wu, bu, w, b)
    tokens = x.view(1, 1, x.size(0), x.size(1))
    out, unused = fovea.attention(q.view(1, 1, q.size(0), q.size(1)), tokens, tokens)
    return z.sum() + entropy.sum() + out.sum()
)";

/// Names our operators in source text as Python does with torch.ops.fovea.
struct OperatorNames : torch::jit::Resolver {
  std::shared_ptr<torch::jit::SugaredValue> resolveValue(const std::string& name, torch::jit::GraphFunction&,
                                                         const torch::jit::SourceRange&) override {
    return name == "fovea" ? std::make_shared<torch::jit::BuiltinModule>("fovea") : nullptr;
  }
};

std::vector<at::Tensor> inputs() {
  at::manual_seed(47);
  std::vector<at::Tensor> all;
  const std::vector<std::vector<std::int64_t>> shapes{{9, 6}, {4, 6}, {4}, {4, 6}, {4}, {2, 4}, {2}, {3, 6}};
  for (const auto& sizes : shapes) all.push_back(at::randn(sizes, at::kDouble).set_requires_grad(true));
  return all;
}

torch::jit::Module through_a_file(const torch::jit::Module& module) {
  const auto path = std::filesystem::temp_directory_path() / "fovea_operators_script_test.pt";
  module.save(path.string());
  torch::jit::Module loaded = torch::jit::load(path.string());
  std::filesystem::remove(path);
  return loaded;
}

at::Tensor direct(const std::vector<at::Tensor>& in) {
  const Pooled pooled = gated_pool(in[0], {in[1], in[2], in[3], in[4], in[5], in[6]});
  const at::Tensor tokens = in[0].view({1, 1, 9, 6}), q = in[7].view({1, 1, 3, 6});
  return pooled.z.sum() + pooled.entropy.sum() + at::scaled_dot_product_attention(q, tokens, tokens).sum();
}

TEST(OperatorScript, ASavedModuleGivesTheSameNumbersAndGradients) {
  torch::jit::Module module("pool_and_attend");
  module.define(kSource, std::make_shared<OperatorNames>());
  torch::jit::Module loaded = through_a_file(module);
  loaded.train();
  const std::vector<at::Tensor> in = inputs();
  const at::Tensor expected = direct(in);
  const auto expected_gradients = torch::autograd::grad({expected}, in);
  for (int run = 0; run < 3; ++run) {  // later runs take the profiled graph
    const at::Tensor value = loaded.forward({in.begin(), in.end()}).toTensor();
    EXPECT_NEAR(value.item<double>(), expected.item<double>(), 1e-11);
    const auto gradients = torch::autograd::grad({value}, in);
    for (std::size_t i = 0; i < in.size(); ++i)
      EXPECT_TRUE(at::allclose(gradients[i], expected_gradients[i], 1e-10, 1e-10)) << "input " << i;
  }
}

}  // namespace
