// DAUNet by its own truths: counts, recognition, folding for every norm, import, gradients. No files needed.
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>
#include <fovea/models/segmentation.h>

#include "seg/daunet.h"
#include "seg_checks.h"

namespace fovea::models {
namespace {

using testing_tools::expect_slopes;
using testing_tools::largest_difference;
using testing_tools::lively_state;
using testing_tools::random;

SegConfig config_of(std::string architecture, int dims, std::vector<std::int64_t> filters, bool multi_scale,
                    bool deep_supervision, bool guided, std::int64_t channels = 1) {
  SegConfig config;
  config.architecture = std::move(architecture);
  config.dims = dims, config.channels = channels, config.filters = std::move(filters);
  config.multi_scale = multi_scale, config.deep_supervision = deep_supervision, config.guided = guided;
  config.fuse_dropout = 0;
  return config;
}

std::unique_ptr<SegNetwork> lively(const SegConfig& config) {
  return seg_model(config.architecture).make(config, lively_state(config));
}

at::Tensor image(const SegConfig& config, std::int64_t size, std::int64_t batch = 2) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(config.dims) + 2, size);
  shape[0] = batch, shape[1] = config.channels;
  return random(shape, 3);
}

TEST(Daunet, HasTheNumbersOfParametersThatWereMeasuredOnTheAuthorsCode) {
  struct Case {
    SegConfig config;
    std::int64_t all, trainable;
  };
  const Case cases[] = {
      {config_of("daunet", 3, {16, 32, 128, 256}, true, true, true), 15'102'456, 15'097'432},
      {config_of("daunet", 3, {8, 8, 16}, false, false, false, 2), 60'676, 60'324},
      {config_of("daunet", 3, {8, 8, 16}, true, true, true), 72'878, 72'494},
  };
  for (const Case& c : cases) {
    const auto specs = seg_model("daunet").specs(c.config);
    EXPECT_EQ(parameter_count(specs), c.all);
    EXPECT_EQ(parameter_count(specs, true), c.trainable);
  }
}

TEST(Daunet, EachNetworkIsRecognisedAsItselfOnly) {
  for (const char* name : {"agunet", "daunet"}) {
    const SegConfig config = config_of(name, 3, {4, 8, 8}, true, true, true);
    const StateDict state = random_state(seg_model(name).specs(config), 1);
    for (const SegRow& row : seg_models()) EXPECT_EQ(row.recognise(state).has_value(), row.name == name) << row.name;
  }
}

TEST(Daunet, SwitchesAreRecognisedFromNamesAndShapes) {
  for (int bits = 0; bits < 16; ++bits) {
    SegConfig truth =
        config_of("daunet", (bits & 8) != 0 ? 2 : 3, {4, 6, 8}, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, 2);
    truth.pyramid_at_bottom = truth.multi_scale;
    const auto found = seg_model("daunet").recognise(random_state(seg_model("daunet").specs(truth), 1));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->dims, truth.dims);
    EXPECT_EQ(found->channels, 2);
    EXPECT_EQ(found->filters, truth.filters);
    EXPECT_EQ(found->multi_scale, truth.multi_scale);
    EXPECT_EQ(found->pyramid_at_bottom, truth.pyramid_at_bottom);
    EXPECT_EQ(found->deep_supervision, truth.deep_supervision);
    EXPECT_EQ(found->guided, truth.guided);
  }
}

class FoldedNetworks : public testing::TestWithParam<SegNorm> {};

TEST_P(FoldedNetworks, InferenceEqualsTheSoftmaxOfTheFirstHead) {
  for (const char* name : {"agunet", "daunet"}) {
    for (const int dims : {2, 3}) {
      for (const bool on : {false, true}) {
        SegConfig config = config_of(name, dims, {4, 6, 8, 8}, on, on, on, on ? 1 : 2);
        config.attention = on, config.pyramid_at_bottom = on, config.norm = GetParam();
        // In double: the channel attention's sums and instance norm over eight voxels amplify float32 rounding.
        StateDict state = lively_state(config);
        for (auto& [key, tensor] : state) tensor = tensor.to(at::kDouble);
        const auto network = seg_model(name).make(config, state);
        const at::Tensor x = image(config, 16).to(at::kDouble);
        const at::Tensor inferred = network->infer(x);
        EXPECT_LE(largest_difference(inferred, at::softmax(network->forward(x, false).heads[0], 1)), 1e-9)
            << name << dims << on;
        EXPECT_GT(inferred.std().item<double>(), 1e-3) << "a constant output would prove nothing";
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Norms, FoldedNetworks, testing::Values(SegNorm::kBatch, SegNorm::kGroup, SegNorm::kInstance));

TEST(Daunet, GroupAndInstanceNormDoNotLookAtTheRestOfTheBatch) {
  for (const SegNorm norm : {SegNorm::kGroup, SegNorm::kInstance}) {
    SegConfig config = config_of("daunet", 2, {4, 8}, true, true, true);
    config.norm = norm;
    const auto network = lively(config);
    const at::Tensor x = image(config, 8);
    const at::Tensor together = network->forward(x, true).heads[0],
                     alone = network->forward(x.narrow(0, 1, 1), true).heads[0];
    EXPECT_LE(largest_difference(together.narrow(0, 1, 1), alone), 1e-5);
  }
}

TEST(Daunet, GradientsReachEveryTensorAndEqualFiniteDifferencesInDoublePrecision) {
  const SegConfig config = config_of("daunet", 2, {2, 4, 8}, true, true, true);
  StateDict state = lively_state(config);
  for (auto& [name, tensor] : state) tensor = tensor.to(at::kDouble);
  const auto network = seg_model("daunet").make(config, state);
  const at::Tensor x = image(config, 8).to(at::kDouble);
  const at::Tensor label = random({2, 8, 8}, 9).gt(0.6).to(at::kLong);
  const auto loss = [&] { return deep_supervision_loss(network->forward(x, true), label, true); };
  expect_slopes(*network, loss);
}

TEST(Daunet, DropoutActsInTrainingOnly) {
  SegConfig config = config_of("daunet", 2, {4, 16}, false, false, true);
  config.fuse_dropout = 0.5, config.dropout = 0.2;
  const auto network = lively(config);
  const at::Tensor x = image(config, 16);
  EXPECT_TRUE(network->forward(x, false).heads[0].equal(network->forward(x, false).heads[0]));
  EXPECT_GT(largest_difference(network->forward(x, true).heads[0], network->forward(x, true).heads[0]), 1e-4);
}

/// The layers of a network as a Keras file knows them: without names, in order of creation.
AnonymousLayers without_names(const SegConfig& config, const StateDict& state) {
  AnonymousLayers layers;
  for (const seg::LayerPlan& layer : seg::daunet_plan(config)) {
    if (!layer.in_files()) continue;
    const auto tensor = [&](const char* suffix) { return state.at(layer.name + suffix); };
    if (layer.kind == seg::LayerPlan::Kind::kNorm) {
      layers.norms.push_back({tensor(".weight"), tensor(".bias"), tensor(".running_mean"), tensor(".running_var")});
    } else {
      auto& list = layer.kind == seg::LayerPlan::Kind::kTransposed ? layers.transposed : layers.convolutions;
      list.push_back({tensor(".weight"), tensor(".bias")});
    }
  }
  return layers;
}

TEST(Daunet, AFileWithoutProjectionsIsImportedWithItsAttentionsOff) {
  for (int bits = 0; bits < 8; ++bits) {
    const SegConfig config =
        config_of("daunet", 3, {4, 6, 8, 16}, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, 2);
    const StateDict truth = lively_state(config);
    const AnonymousLayers layers = without_names(config, truth);
    EXPECT_FALSE(seg_model("agunet").from_anonymous(layers)) << bits;
    const auto state = seg_model("daunet").from_anonymous(layers);
    ASSERT_TRUE(state) << bits;
    EXPECT_EQ(state->size(), truth.size());
    for (const auto& [name, tensor] : *state) {
      const bool absent =
          name.ends_with("gamma") || name == "pam.b.weight" || name == "pam.c.weight" || name == "pam.d.weight";
      EXPECT_TRUE(absent ? tensor.eq(0).all().item<bool>() : tensor.equal(truth.at(name))) << name;
    }
  }
  EXPECT_FALSE(seg_model("daunet").anonymous_notice.empty()) << "the user has to know";
}

}  // namespace
}  // namespace fovea::models
