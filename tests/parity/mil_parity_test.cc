// Every MIL network against the tensors of the official modules (fixtures/mil/README.md): every case of the folder,
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
      if (entry.path().extension() != ".safetensors") continue;
      const auto metadata = io::read_safetensors(entry.path()).metadata;
      if (metadata.count("bag") && metadata.count("model")) names.push_back(entry.path().stem().string());
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
  if (found == one.expected.end() || !ours.defined()) return;
  const at::Tensor expected = found->second.reshape(ours.sizes());
  if (ours.numel() == 0) return;
  EXPECT_LE((ours - expected).abs().max().item<double>(), absolute + relative * expected.abs().max().item<double>())
      << name;
}

std::unique_ptr<models::MilModel> model_of(const Case& one) {
  for (const models::MilRow& row : models::mil_models()) {
    const bool other_pooling = row.name == "mean_pooling" && one.metadata.at("model") == "max";
    const auto config = row.recognise(one.weights);
    if (config && !other_pooling)
      return row.make(*config, models::checked_state(row.specs(*config), one.weights, row.name));
  }
  return nullptr;
}

bool is_true(const Case& one, const char* key) {
  const auto found = one.metadata.find(key);
  return found != one.metadata.end() && found->second == "true";
}

models::MilLossOptions loss_options(const Case& one) {
  models::MilLossOptions options;
  if (const auto lambda = one.metadata.find("aem_lambda"); lambda != one.metadata.end())
    options.aem_lambda = std::stod(lambda->second);
  options.subtyping = is_true(one, "subtyping"), options.instance_loss = is_true(one, "instance_eval");
  return options;
}

class MilParity : public testing::TestWithParam<std::string> {};

TEST_P(MilParity, OutputsLossesAndGradientsMatchTheOfficialModule) {
  FOVEA_NEEDS_SHARED("fixtures/mil/bags.safetensors");
  const Case one = load(GetParam());
  const auto model = model_of(one);
  ASSERT_TRUE(model);

  std::optional<at::Tensor> masked;
  if (const auto index = one.expected.find("stkim_masked_idx");
      index != one.expected.end() && index->second.numel() > 0) {
    std::vector<std::int64_t> sizes = index->second.sizes().vec();
    sizes.back() = one.bag.size(0);
    masked = at::zeros(sizes, at::kBool).scatter(-1, index->second, true);
  }
  for (const auto& [name, tensor] : model->state()) tensor.requires_grad_(true);
  const models::MilOutput output = model->forward(one.bag, {masked});
  expect_near(one, "attn_raw", output.attn_raw, 1e-5, masked ? 0.0 : 1e-4);
  expect_near(one, "attn_softmax", output.attn_softmax, 1e-5, 1e-4);
  expect_near(one, "branch_logits", output.branch_logits, 1e-5, 1e-4);
  expect_near(one, "instance_logits", output.instance_logits, 1e-5, 1e-4);
  expect_near(one, "max_logits", output.max_logits, 1e-5, 1e-4);
  expect_near(one, "bag_embedding", output.bag_embedding, 1e-5, 1e-4);
  expect_near(one, "bag_logits", output.bag_logits, 1e-5, 1e-4);
  expect_near(one, "bag_prob", output.bag_prob, 1e-5, 1e-4);

  const auto several = one.expected.find("label_multihot");
  const at::Tensor label = several == one.expected.end() ? one.expected.at("label").reshape({}) : several->second;
  const models::MilLoss loss = model->loss(output, label, loss_options(one));
  expect_near(one, "loss_bag", loss.bag, 1e-5, 1e-4);
  expect_near(one, "loss_branch", loss.branch, 1e-5, 1e-4);
  expect_near(one, "loss_div", loss.diversity, 1e-5, 1e-4);
  expect_near(one, "loss_neg_entropy", loss.neg_entropy, 1e-5, 1e-4);
  expect_near(one, "loss_instance", loss.instance, 1e-5, 1e-4);
  expect_near(one, "inst_targets", loss.instance_targets, 0, 0);
  expect_near(one, "inst_preds", loss.instance_predicted, 0, 0);
  expect_near(one, "loss_total", loss.total, 1e-5, 1e-4);
  if (one.gradients.empty()) return;
  loss.total.backward();
  for (const auto& [name, expected] : one.gradients) {
    if (name.find("attention_weights.bias") != std::string::npos)
      continue;  // softmax ignores it: the fixture holds rounding noise
    const at::Tensor gradient = model->state().at(name).grad();
    ASSERT_TRUE(gradient.defined()) << name;
    EXPECT_LE((gradient - expected).abs().max().item<double>(), 1e-6 + 1e-3 * expected.abs().max().item<double>())
        << name;
  }
}

TEST_P(MilParity, TheStreamMatchesToo) {
  FOVEA_NEEDS_SHARED("fixtures/mil/bags.safetensors");
  const Case one = load(GetParam());
  if (one.expected.count("stkim_masked_idx")) GTEST_SKIP() << "masking is training only";
  const auto model = model_of(one);
  ASSERT_TRUE(model);
  const auto stream = model->stream();
  for (std::int64_t i = 0; i < one.bag.size(0); i += 7)
    stream->push(one.bag.slice(0, i, std::min(i + 7, one.bag.size(0))));
  const models::MilOutput output = stream->finish();
  expect_near(one, "attn_raw", output.attn_raw, 1e-5, 1e-4);
  expect_near(one, "bag_logits", output.bag_logits, 1e-5, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, MilParity, testing::ValuesIn(cases()), [](const auto& info) { return info.param; });

}  // namespace
