// ACMIL-GA and ABMIL against the tensors of the official modules (fixtures/mil/README.md): every case of the folder,
// outputs, losses, gradients.
#include <algorithm>
#include <filesystem>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/io/weights.h>
#include <fovea/models/mil.h>

#include "shared.h"
#include "tensor_bridge.h"

namespace {

namespace fs = std::filesystem;
using namespace fovea;

std::vector<std::string> cases() {
  std::vector<std::string> names;
  const fs::path folder = test::shared_dir() / "fixtures/mil";
  if (fs::exists(folder))
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().stem().string();
      if (name.rfind("acmil_ga_", 0) == 0 || name.rfind("aem_abmil_", 0) == 0) names.push_back(name);
    }
  std::sort(names.begin(), names.end());
  if (names.empty()) names.push_back("absent");
  return names;
}

struct Case {
  models::StateDict weights, gradients, expected;
  std::map<std::string, std::string> metadata;
  at::Tensor bag;
};

Case load(const std::string& name) {
  const fs::path folder = test::shared_dir() / "fixtures/mil";
  const io::WeightFile file = io::read_safetensors(folder / (name + ".safetensors"));
  const io::WeightFile bags = io::read_safetensors(folder / "bags.safetensors");
  Case one;
  one.metadata = file.metadata;
  for (const auto& [key, array] : file.tensors) {
    const at::Tensor tensor = pipeline::to_tensor(array).clone();
    if (key.rfind("w.", 0) == 0)
      one.weights[key.substr(2)] = tensor;
    else if (key.rfind("g.", 0) == 0)
      one.gradients[key.substr(2)] = tensor;
    else
      one.expected[key] = tensor;
  }
  one.bag = pipeline::to_tensor(bags.tensors.at(one.metadata.at("bag"))).clone();
  return one;
}

void expect_near(const Case& one, const std::string& name, const at::Tensor& ours, double absolute, double relative) {
  const auto found = one.expected.find(name);
  if (found == one.expected.end()) return;
  const at::Tensor expected = found->second.reshape(ours.sizes());
  EXPECT_LE((ours - expected).abs().max().item<double>(), absolute + relative * expected.abs().max().item<double>())
      << name;
}

class MilParity : public testing::TestWithParam<std::string> {};

TEST_P(MilParity, OutputsLossesAndGradientsMatchTheOfficialModule) {
  FOVEA_NEEDS_SHARED("fixtures/mil/bags.safetensors");
  const Case one = load(GetParam());
  const models::MilRow& row = models::mil_model(GetParam().rfind("acmil", 0) == 0 ? "acmil_ga" : "abmil");
  const auto config = row.recognise(one.weights);
  ASSERT_TRUE(config);
  const auto model = row.make(*config, models::checked_state(row.specs(*config), one.weights, GetParam()));

  std::optional<at::Tensor> masked;
  if (const auto index = one.expected.find("stkim_masked_idx");
      index != one.expected.end() && index->second.numel() > 0)
    masked = at::zeros({config->branches, one.bag.size(0)}, at::kBool).scatter(1, index->second, true);
  for (const auto& [name, tensor] : model->state()) tensor.requires_grad_(true);
  const models::MilOutput output = model->forward(one.bag, masked);
  expect_near(one, "attn_raw", output.attn_raw, 1e-5, masked ? 0.0 : 1e-4);
  expect_near(one, "attn_softmax", output.attn_softmax, 1e-5, 1e-4);
  if (output.branch_logits.defined()) expect_near(one, "branch_logits", output.branch_logits, 1e-5, 1e-4);
  expect_near(one, "bag_logits", output.bag_logits, 1e-5, 1e-4);
  expect_near(one, "bag_prob", output.bag_logits.softmax(-1), 1e-5, 1e-4);

  const auto lambda = one.metadata.find("aem_lambda");
  const models::MilLoss loss =
      models::mil_loss(output, one.expected.at("label"), lambda == one.metadata.end() ? 0 : std::stod(lambda->second));
  expect_near(one, "loss_bag", loss.bag, 1e-5, 1e-4);
  expect_near(one, "loss_branch", loss.branch, 1e-5, 1e-4);
  expect_near(one, "loss_div", loss.diversity, 1e-5, 1e-4);
  expect_near(one, "loss_neg_entropy", loss.neg_entropy, 1e-5, 1e-4);
  expect_near(one, "loss_total", loss.total, 1e-5, 1e-4);
  if (one.gradients.empty()) return;
  loss.total.backward();
  for (const auto& [name, expected] : one.gradients) {
    if (name == "attention.attention_weights.bias") continue;  // softmax ignores it: the fixture holds rounding noise
    const at::Tensor gradient = model->state().at(name).grad();
    ASSERT_TRUE(gradient.defined()) << name;
    EXPECT_LE((gradient - expected).abs().max().item<double>(), 1e-6 + 1e-3 * expected.abs().max().item<double>())
        << name;
  }
}

TEST_P(MilParity, TheStreamMatchesToo) {
  FOVEA_NEEDS_SHARED("fixtures/mil/bags.safetensors");
  const Case one = load(GetParam());
  if (one.expected.count("stkim_masked_idx") ||
      (one.metadata.count("train_mode") && one.metadata.at("train_mode") == "true"))
    GTEST_SKIP() << "masking is training only";
  const models::MilRow& row = models::mil_model(GetParam().rfind("acmil", 0) == 0 ? "acmil_ga" : "abmil");
  const auto config = row.recognise(one.weights);
  const auto model = row.make(*config, models::checked_state(row.specs(*config), one.weights, GetParam()));
  const auto stream = model->stream();
  for (std::int64_t i = 0; i < one.bag.size(0); i += 7)
    stream->push(one.bag.slice(0, i, std::min(i + 7, one.bag.size(0))));
  const models::MilOutput output = stream->finish();
  expect_near(one, "attn_raw", output.attn_raw, 1e-5, 1e-4);
  expect_near(one, "bag_logits", output.bag_logits, 1e-5, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, MilParity, testing::ValuesIn(cases()), [](const auto& info) { return info.param; });

}  // namespace
