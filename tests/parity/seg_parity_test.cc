// AGUNet against tensors computed with the authors' own code (fixtures/segmentation/README.md). Every agunet_* file of
// the folder is run; tolerances are those of reference/segmentation.md 11.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/ops/softmax.h>

#include <fovea/io/weights.h>
#include <fovea/models/segmentation.h>

#include "shared.h"
#include "tensor_bridge.h"

namespace fovea {
namespace {

constexpr double kHeadTolerance = 5e-6;
constexpr double kMidTolerance = 5e-5;  // values of several units, not probabilities
// Batch statistics amplify float32 rounding: the fixtures lie up to 1.7e-5 from a float64 run of the same step, ours
// 5e-6.
constexpr double kTrainHeadTolerance = 3e-5;
constexpr double kLossTolerance = 1e-5;
constexpr double kGradientTolerance = 1e-3;  // of the tensor's largest entry
constexpr double kZeroGradient = 5e-6;       // biases before a norm: the true gradient is 0
constexpr double kRunningTolerance = 1e-4;
constexpr double kSoftmaxTolerance = 1e-5;  // e2e

const std::filesystem::path kFolder = "fixtures/segmentation";

std::vector<std::string> agunet_files() {
  std::vector<std::string> names;
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(test::shared_dir() / kFolder, absent)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("agunet_") && name.ends_with(".safetensors")) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void expect_close(const std::string& name, const at::Tensor& actual, const at::Tensor& expected, double tolerance) {
  ASSERT_TRUE(actual.defined()) << name << " was not computed";
  ASSERT_EQ(actual.sizes(), expected.sizes()) << name;
  const double error = (actual.detach().to(at::kDouble) - expected.to(at::kDouble)).abs().max().item<double>();
  EXPECT_LE(error, tolerance) << name << ", largest entry " << expected.abs().max().item<double>();
}

models::StateDict below(const models::StateDict& all, const std::string& prefix) {
  models::StateDict found;
  for (const auto& [name, tensor] : all) {
    if (name.starts_with(prefix)) found.emplace(name.substr(prefix.size()), tensor);
  }
  return found;
}

std::unique_ptr<models::SegNetwork> network_from(const models::StateDict& weights) {
  const models::SegRow& row = models::seg_model("agunet");
  const auto config = row.recognise(weights);
  if (!config) throw std::runtime_error("not recognised as an AGUNet");
  return row.make(*config, models::checked_state(row.specs(*config), weights, "fixture"));
}

class AgunetParity : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    file_ = io::read_safetensors(test::shared_dir() / kFolder / GetParam());
    tensors_ = pipeline::to_state(file_);
    network_ = network_from(below(tensors_, "w."));
    x_ = tensors_.at("in.x");
    label_ = tensors_.at("in.label").to(at::kLong);
  }
  std::string head(std::size_t level) const { return "head" + std::to_string(level); }
  bool has(const std::string& name) const { return tensors_.contains(name); }

  io::WeightFile file_;
  models::StateDict tensors_;
  std::unique_ptr<models::SegNetwork> network_;
  at::Tensor x_, label_;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AgunetParity);

TEST_P(AgunetParity, RecognisesTheConfigurationAndCountsTheParameters) {
  const nlohmann::json truth = nlohmann::json::parse(file_.metadata.at("config"));
  const models::SegConfig& config = network_->config();
  EXPECT_EQ(config.filters, truth.at("filters").get<std::vector<std::int64_t>>());
  EXPECT_EQ(config.channels, truth.at("channels").get<std::int64_t>());
  EXPECT_EQ(config.classes, truth.at("classes").get<std::int64_t>());
  EXPECT_EQ(config.multi_scale, truth.at("multi_scale").get<bool>());
  EXPECT_EQ(config.deep_supervision, truth.at("deep_supervision").get<bool>());
  EXPECT_TRUE(config.attention);
  EXPECT_EQ(models::parameter_count(network_->specs()), truth.at("parameters").get<std::int64_t>());
  EXPECT_EQ(models::parameter_count(network_->specs(), true), truth.at("trainable").get<std::int64_t>());
}

TEST_P(AgunetParity, HeadsAndGatesInInferenceModeEqualTheAuthors) {
  const models::SegOutput output = network_->forward(x_, false, true);
  ASSERT_EQ(output.heads.size(), below(tensors_, "out.head").size());
  for (std::size_t level = 0; level < output.heads.size(); ++level) {
    expect_close(head(level), at::softmax(output.heads[level], 1), tensors_.at("out." + head(level)), kHeadTolerance);
  }
  for (const auto& [name, expected] : below(tensors_, "mid.")) {
    ASSERT_TRUE(output.mid.contains(name)) << name;
    expect_close(name, output.mid.at(name), expected, name.starts_with("psi") ? kHeadTolerance : kMidTolerance);
  }
}

TEST_P(AgunetParity, FoldedInferenceEqualsTheAuthors) {
  expect_close("infer", network_->infer(x_), tensors_.at("out.head0"), kHeadTolerance);
}

TEST_P(AgunetParity, ForegroundDiceOfEachHeadEqualsTheFixture) {
  if (!has("loss.fg_dice_per_head")) GTEST_SKIP() << "the fixture has no losses";
  const at::Tensor expected = tensors_.at("loss.fg_dice_per_head").flatten();
  const models::SegOutput output = network_->forward(x_, false);
  ASSERT_EQ(static_cast<std::size_t>(expected.numel()), output.heads.size());
  double sum = 0;
  for (std::size_t level = 0; level < output.heads.size(); ++level) {
    at::Tensor target = label_;
    for (std::int64_t axis = 1; axis < 4; ++axis)
      target = target.slice(axis, 0, c10::nullopt, std::int64_t{1} << level);
    const double truth = expected[static_cast<std::int64_t>(level)].item<double>();
    const double loss = models::foreground_dice_loss(at::softmax(output.heads[level], 1), target).item<double>();
    EXPECT_NEAR(loss, truth, kLossTolerance) << head(level);
    sum += truth;
  }
  EXPECT_NEAR(models::deep_supervision_loss(output, label_).item<double>(), sum, kLossTolerance);
}

TEST_P(AgunetParity, OneTrainingStepGivesTheAuthorsLossGradientsAndRunningStatistics) {
  if (!has("train.loss_sum_fg_dice")) GTEST_SKIP() << "the fixture has no training step";
  for (const models::TensorSpec& spec : network_->specs()) {
    if (!spec.is_buffer()) network_->state().at(spec.name).requires_grad_(true);
  }
  const models::SegOutput output = network_->forward(x_, true);
  for (std::size_t level = 0; level < output.heads.size(); ++level) {
    expect_close("train " + head(level), at::softmax(output.heads[level], 1), tensors_.at("train.out." + head(level)),
                 kTrainHeadTolerance);
  }
  const at::Tensor loss = models::deep_supervision_loss(output, label_);
  EXPECT_NEAR(loss.item<double>(), tensors_.at("train.loss_sum_fg_dice").item<double>(), kLossTolerance);
  loss.backward();
  std::size_t gradients = 0;
  for (const auto& [name, expected] : below(tensors_, "grad.")) {
    const double largest = expected.abs().max().item<double>();
    expect_close("grad." + name, network_->state().at(name).grad(), expected,
                 std::max(kGradientTolerance * largest, kZeroGradient));
    ++gradients;
  }
  const auto buffers = static_cast<std::size_t>(std::count_if(network_->specs().begin(), network_->specs().end(),
                                                              [](const auto& spec) { return spec.is_buffer(); }));
  EXPECT_EQ(gradients + buffers, network_->specs().size());
  for (const models::TensorSpec& spec : network_->specs()) {
    if (!spec.is_buffer()) continue;
    const at::Tensor& expected = tensors_.at("train." + spec.name);
    const double scale = std::max(1.0, expected.abs().max().item<double>());
    expect_close("train." + spec.name, network_->state().at(spec.name), expected, kRunningTolerance * scale);
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, AgunetParity, testing::ValuesIn(agunet_files()),
                         [](const auto& info) { return info.param.substr(0, info.param.find('.')); });

TEST(SegmentationLossParity, DiceOfTheComponentsFileEqualsTheFixture) {
  FOVEA_NEEDS_SHARED(kFolder / "components.safetensors");
  const auto tensors =
      pipeline::to_state(io::read_safetensors(test::shared_dir() / kFolder / "components.safetensors"));
  int cases = 0;
  for (; tensors.contains("dice" + std::to_string(cases) + ".p"); ++cases) {
    const std::string name = "dice" + std::to_string(cases);
    const at::Tensor label = tensors.at(name + ".t").argmax(1);  // stored one-hot
    const double loss = models::foreground_dice_loss(tensors.at(name + ".p"), label).item<double>();
    EXPECT_NEAR(loss, tensors.at(name + ".fg").item<double>(), kLossTolerance) << name;
  }
  EXPECT_GT(cases, 0);
}

std::vector<models::GraphNode> graph_of(const io::WeightFile& file) {
  std::vector<models::GraphNode> nodes;
  const auto text = file.metadata.find("nodes");
  if (text == file.metadata.end()) return nodes;
  for (const auto& node : nlohmann::json::parse(text->second)) {
    nodes.push_back({node.at("op"), node.at("name"), node.at("inputs"), node.at("outputs")});
  }
  return nodes;
}

struct ImportCase {
  std::string folder, file;
};
class ImportParity : public testing::TestWithParam<ImportCase> {
 protected:
  models::StateDict imported(bool with_graph) {
    const auto path = test::shared_dir() / kFolder / GetParam().folder / GetParam().file;
    const bool onnx = path.extension() == ".onnx";
    const io::WeightFile file = onnx ? io::read_onnx_initialisers(path) : io::read_keras_hdf5(path);
    const auto nodes = with_graph ? graph_of(file) : std::vector<models::GraphNode>{};
    const auto layers = models::anonymous_layers(pipeline::to_state(file), onnx ? "onnx" : "keras-hdf5", nodes);
    const auto state = models::seg_model("agunet").from_anonymous(layers);
    if (!state) throw std::runtime_error("no layout explains the layers");
    return *state;
  }
};

TEST_P(ImportParity, TheImportedNetworkGivesTheSoftmaxOfTheOriginal) {
  FOVEA_NEEDS_SHARED(kFolder / GetParam().folder);
  const auto expected = pipeline::to_state(
      io::read_safetensors(test::shared_dir() / kFolder / GetParam().folder / "expected.safetensors"));
  const at::Tensor x = expected.at("pre.network_input").permute({3, 0, 1, 2}).unsqueeze(0);
  for (const bool with_graph : {false, true}) {
    const auto network = network_from(imported(with_graph));
    expect_close("softmax", network->infer(x).squeeze(0).permute({1, 2, 3, 0}), expected.at("net.softmax"),
                 kSoftmaxTolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, ImportParity,
                         testing::Values(ImportCase{"e2e_min_crop", "model/model.onnx"},
                                         ImportCase{"e2e_min_crop", "model_keras_layout.h5"},
                                         ImportCase{"e2e_brain_clip_2ch", "model/model.onnx"},
                                         ImportCase{"e2e_brain_clip_2ch", "model_keras_layout.h5"}),
                         [](const auto& info) {
                           return info.param.folder + (info.param.file.ends_with(".onnx") ? "_onnx" : "_keras");
                         });

}  // namespace
}  // namespace fovea
