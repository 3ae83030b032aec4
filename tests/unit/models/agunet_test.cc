// AGUNet by its own truths: counts, recognition, folding, the relation of its 2-D and 3-D forms, gradients. No files
// needed.
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>
#include <fovea/models/segmentation.h>

#include "seg/blocks.h"
#include "seg_checks.h"

namespace fovea::models {
namespace {

using testing_tools::expect_slopes;
using testing_tools::largest_difference;
using testing_tools::lively_state;
using testing_tools::random;

std::unique_ptr<SegNetwork> make(const SegConfig& config, StateDict state) {
  return seg_model("agunet").make(config, std::move(state));
}

SegConfig config_of(int dims, std::vector<std::int64_t> filters, bool multi_scale, bool deep_supervision,
                    bool attention, std::int64_t channels = 1, std::int64_t classes = 2) {
  return {"agunet", dims, channels, classes, std::move(filters), multi_scale, deep_supervision, attention};
}

std::vector<std::int64_t> input_shape(const SegConfig& config, std::int64_t batch, std::int64_t size) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(config.dims) + 2, size);
  shape[0] = batch, shape[1] = config.channels;
  return shape;
}

template <class F>
Error error_of(F&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no fovea::Error was thrown";
  return Error(ErrorCode::kInternal, "", "none");
}

TEST(Agunet, HasTheNumbersOfParametersThatWereMeasuredOnTheAuthorsCode) {
  struct Case {
    SegConfig config;
    std::int64_t all, trainable;
  };
  const Case cases[] = {
      {config_of(3, {16, 32, 128, 256, 256}, true, true, true), 18'663'932, 18'657'716},
      {config_of(3, {8, 16, 32}, true, true, true), 105'790, 105'370},
      {config_of(3, {4, 8, 16, 16}, false, false, true, 2), 67'269, 66'863},
      {config_of(3, {4, 8, 16}, true, false, true), 26'884, 26'672},
  };
  for (const Case& c : cases) {
    const auto specs = seg_model("agunet").specs(c.config);
    EXPECT_EQ(parameter_count(specs), c.all);
    EXPECT_EQ(parameter_count(specs, true), c.trainable);
  }
}

TEST(Agunet, UnknownNetworksAreRefusedWithTheKnownNames) {
  const Error error = error_of([] { seg_model("no-such-net"); });
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_NE(std::string(error.what()).find("agunet"), std::string::npos);
}

TEST(Agunet, IsNotRecognisedInWeightsOfOtherNetworks) {
  EXPECT_FALSE(seg_model("agunet").recognise({{"classifier.weight", random({2, 3})}}));
  StateDict daunet = random_state(seg_model("agunet").specs(config_of(3, {4, 8, 8}, true, true, false)), 1);
  daunet["dec0.cat_bn.weight"] = random({8});
  EXPECT_FALSE(seg_model("agunet").recognise(daunet));
}

TEST(Agunet, UpsamplingCropsAtTheEndAndAddsTheBiasEverywhere) {
  const at::Tensor weight = at::tensor({1.F, 2.F, 3.F}).view({1, 1, 3, 1}).expand({1, 1, 3, 3}).contiguous();
  const at::Tensor bias = at::full({1}, 10.F);
  at::Tensor x = at::zeros({1, 1, 3, 1});
  x[0][0][2][0] = 1.F;  // the last row: its third tap falls beyond the end
  const at::Tensor y = seg::upsample(x, weight, bias).select(3, 0).flatten();
  EXPECT_TRUE(y.equal(at::tensor({10.F, 10.F, 10.F, 10.F, 11.F, 12.F})))
      << "taps at 2i, 2i+1, 2i+2, cropped at the end";
}

struct Switches {
  int dims;
  bool multi_scale, deep_supervision, attention;
};
class AgunetSwitches : public testing::TestWithParam<Switches> {
 protected:
  SegConfig config(std::int64_t channels) const {
    const Switches& s = GetParam();
    return config_of(s.dims, {4, 6, 8}, s.multi_scale, s.deep_supervision, s.attention, channels, 3);
  }
};

TEST_P(AgunetSwitches, ConfigurationIsRecognisedFromNamesAndShapes) {
  const SegConfig truth = config(2);
  const auto found = seg_model("agunet").recognise(random_state(seg_model("agunet").specs(truth), 1));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->architecture, "agunet");
  EXPECT_EQ(found->dims, truth.dims);
  EXPECT_EQ(found->channels, 2);
  EXPECT_EQ(found->classes, 3);
  EXPECT_EQ(found->filters, truth.filters);
  EXPECT_EQ(found->multi_scale, truth.multi_scale);
  EXPECT_EQ(found->deep_supervision, truth.deep_supervision);
  EXPECT_EQ(found->attention, truth.attention);
}

TEST_P(AgunetSwitches, FoldedInferenceEqualsTheSoftmaxOfTheFirstHead) {
  for (const std::int64_t channels : {1, 2}) {
    const auto network = make(config(channels), lively_state(config(channels)));
    const at::Tensor x = random(input_shape(network->config(), 2, 8), 3);
    const SegOutput output = network->forward(x, false);
    EXPECT_EQ(output.heads.size(), GetParam().deep_supervision ? 2U : 1U);
    const at::Tensor inferred = network->infer(x);
    EXPECT_LE(largest_difference(inferred, at::softmax(output.heads[0], 1)), 5e-6);
    EXPECT_TRUE(inferred.is_contiguous());
    EXPECT_GT(inferred.std().item<double>(), 1e-3) << "a constant output would prove nothing";
  }
}

INSTANTIATE_TEST_SUITE_P(All, AgunetSwitches, testing::ValuesIn([] {
                           std::vector<Switches> all;
                           for (const int dims : {2, 3}) {
                             for (int bits = 0; bits < 8; ++bits) {
                               all.push_back({dims, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0});
                             }
                           }
                           return all;
                         }()),
                         [](const auto& info) {
                           const Switches& s = info.param;
                           return std::to_string(s.dims) + "d" + (s.multi_scale ? "_ms" : "") +
                                  (s.deep_supervision ? "_ds" : "") + (s.attention ? "_gates" : "");
                         });

/// The 3-D kernel that does to a volume without change along z what the 2-D kernel does to its slice.
at::Tensor extruded(const at::Tensor& kernel, bool transposed) {
  std::vector<std::int64_t> shape = kernel.sizes().vec();
  shape.push_back(kernel.size(2));
  at::Tensor volume = at::zeros(shape);
  if (transposed) {
    // Even outputs see taps 0 and 2, odd ones tap 1: filling 0 and 1 repeats the plane, also at the cropped end.
    volume.select(4, 0).copy_(kernel);
    volume.select(4, 1).copy_(kernel);
  } else {
    volume.select(4, kernel.size(2) / 2).copy_(kernel);
  }
  return volume;
}

TEST(Agunet, The2dNetworkEqualsThe3dNetworkOnAVolumeWithoutChangeAlongDepth) {
  const SegConfig flat = config_of(2, {4, 6, 8}, true, true, true);
  SegConfig deep = flat;
  deep.dims = 3;
  const StateDict state = lively_state(flat);
  StateDict volume_state;
  for (const auto& [name, tensor] : state) {
    volume_state[name] = tensor.dim() == 4 ? extruded(tensor, name.ends_with(".up.weight")) : tensor;
  }
  const at::Tensor slice = random({1, 1, 16, 8}, 5);
  const at::Tensor volume = slice.unsqueeze(-1).expand({1, 1, 16, 8, 4}).contiguous();
  const auto network2 = make(flat, state), network3 = make(deep, volume_state);
  for (const bool training : {false, true}) {
    const SegOutput a = network2->forward(slice, training), b = network3->forward(volume, training);
    for (std::size_t level = 0; level < a.heads.size(); ++level) {
      const at::Tensor expected = a.heads[level].unsqueeze(-1).expand(b.heads[level].sizes());
      EXPECT_LE(largest_difference(b.heads[level], expected), 2e-5) << "head " << level << " training " << training;
    }
  }
}

TEST(Agunet, GradientsEqualFiniteDifferencesInDoublePrecision) {
  for (const int dims : {2, 3}) {
    const SegConfig config = config_of(dims, {2, 4, 4}, true, true, true, 2);
    StateDict state = lively_state(config);
    for (auto& [name, tensor] : state) tensor = tensor.to(at::kDouble);
    const auto network = make(config, state);
    const at::Tensor x = random(input_shape(config, 2, 8), 3, at::kDouble);
    std::vector<std::int64_t> label_shape = x.sizes().vec();
    label_shape.erase(label_shape.begin() + 1);
    const at::Tensor label = random(label_shape, 9).gt(0.6).to(at::kLong);
    const auto loss = [&] { return deep_supervision_loss(network->forward(x, true), label, true); };

    SCOPED_TRACE("dims " + std::to_string(dims));
    expect_slopes(*network, loss);
  }
}

TEST(Agunet, TrainingMovesRunningStatisticsByOneHundredthAndEvaluationNotAtAll) {
  const SegConfig config = config_of(2, {4, 4}, false, false, true);
  const auto network = make(config, lively_state(config));
  const at::Tensor x = random({2, 1, 8, 8});
  const at::Tensor before = network->state().at("enc0.bn0.running_var").clone();
  network->forward(x, false);
  EXPECT_TRUE(network->state().at("enc0.bn0.running_var").equal(before));
  const at::Tensor first =
      seg::convolve(x, network->state().at("enc0.conv0.weight"), network->state().at("enc0.conv0.bias"));
  network->forward(x, true);
  const at::Tensor unbiased = first.transpose(0, 1).flatten(1).var(1, true);
  EXPECT_LE(largest_difference(network->state().at("enc0.bn0.running_var"), before * 0.99 + unbiased * 0.01), 1e-6);
}

TEST(Agunet, InferenceSeesWeightsThatChangedAfterAnEarlierInference) {
  const SegConfig config = config_of(2, {4, 4}, false, false, true);
  const auto network = make(config, lively_state(config));
  const at::Tensor x = random({1, 1, 8, 8});
  const at::Tensor before = network->infer(x);
  network->state().at("head0.weight").mul_(2);
  EXPECT_GT(largest_difference(network->infer(x), before), 1e-3);
  network->forward(random({2, 1, 8, 8}, 4), true);  // moves the running statistics only
  EXPECT_LE(largest_difference(network->infer(x), at::softmax(network->forward(x, false).heads[0], 1)), 5e-6);
}

TEST(Agunet, TheNetworkOwnsItsWeights) {
  const SegConfig config = config_of(2, {4, 4}, false, false, true);
  const StateDict given = lively_state(config);
  const at::Tensor kept = given.at("enc0.bn0.running_mean").clone();
  make(config, given)->forward(random({2, 1, 8, 8}), true);
  EXPECT_TRUE(given.at("enc0.bn0.running_mean").equal(kept)) << "the tensors given may be a mapped, read-only file";
}

TEST(Agunet, InferenceKeepsNoGraphAndIsTheSameFromSeveralThreads) {
  const SegConfig config = config_of(3, {4, 6, 8}, true, true, true);
  const auto network = make(config, lively_state(config));
  const at::Tensor x = random({1, 1, 8, 8, 12}).requires_grad_(true);
  std::vector<at::Tensor> results(4);
  {
    std::vector<std::jthread> threads;
    for (at::Tensor& result : results) threads.emplace_back([&] { result = network->infer(x); });
  }
  for (const at::Tensor& result : results) {
    EXPECT_FALSE(result.requires_grad());
    EXPECT_LE(largest_difference(result, results[0]), 1e-6);
  }
}

TEST(Agunet, ASizeThatDoesNotDivideIsRefusedWithTheSizesAndTheDivisor) {
  const SegConfig config = config_of(3, {4, 4, 4}, true, true, true);
  const auto network = make(config, lively_state(config));
  for (const auto& action : {std::function<void()>([&] {
                               network->infer(random({1, 1, 8, 10, 12}));
                             }),
                             std::function<void()>([&] {
                               network->forward(random({1, 1, 8, 10, 12}), true);
                             })}) {
    const Error error = error_of(action);
    EXPECT_EQ(error.code(), ErrorCode::kShape);
    EXPECT_NE(std::string(error.what()).find("8 x 10 x 12"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("divide by 4"), std::string::npos) << error.what();
  }
}

TEST(Agunet, WrongChannelsRankOrEmptyInputsAreRefused) {
  const SegConfig config = config_of(3, {4, 4}, false, false, true);
  const auto network = make(config, lively_state(config));
  const std::vector<std::vector<std::int64_t>> shapes{{1, 2, 8, 8, 8}, {1, 1, 8, 8}, {0, 1, 8, 8, 8}, {1, 1, 8, 0, 8}};
  for (const auto& shape : shapes) {
    EXPECT_EQ(error_of([&] { network->infer(at::zeros(shape)); }).code(), ErrorCode::kShape);
  }
}

TEST(Agunet, TrainingOnOneValueAtTheBottomIsRefusedBecauseItHasNoVariance) {
  const SegConfig config = config_of(2, {4, 4}, false, false, true);
  const auto network = make(config, lively_state(config));
  EXPECT_EQ(error_of([&] { network->forward(random({1, 1, 2, 2}), true); }).code(), ErrorCode::kShape);
  EXPECT_NO_THROW(network->forward(random({2, 1, 2, 2}), true));
}

TEST(Agunet, ImpossibleConfigurationsAreRefused) {
  const auto code = [](const SegConfig& config) { return error_of([&] { seg_model("agunet").specs(config); }).code(); };
  EXPECT_EQ(code(config_of(4, {4, 4}, false, false, true)), ErrorCode::kUsage);
  EXPECT_EQ(code(config_of(3, {4}, false, false, true)), ErrorCode::kUsage);
  EXPECT_EQ(code(config_of(3, {4, 1}, false, false, true)), ErrorCode::kUsage);
  EXPECT_EQ(code(config_of(3, {4, 4}, false, false, true, 1, 1)), ErrorCode::kUsage);
}

}  // namespace
}  // namespace fovea::models
