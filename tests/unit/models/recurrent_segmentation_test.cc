// UpAttLLSTM by the properties of reference/thrombus.md 7. No files needed.
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <fovea/base/error.h>
#include <fovea/models/recurrent_segmentation.h>
#include <fovea/models/stack_explanation.h>

#include "seg_checks.h"

namespace fovea::models {
namespace {

using testing_tools::expect_slopes;
using testing_tools::largest_difference;
using testing_tools::random;

SegConfig config_of(std::string variant = "", std::int64_t modalities = 3) {
  SegConfig config;
  config.architecture = "upattllstm";
  config.channels = modalities, config.filters = {4, 8, 8}, config.multi_scale = false;
  config.variant = std::move(variant);
  return config;
}

/// Biases that count.
StateDict lively_state(const SegConfig& config) {
  StateDict state = random_state(seg_model("upattllstm").specs(config), 5);
  for (auto& [name, tensor] : state)
    if (tensor.dim() == 1) tensor.add_(random(tensor.sizes(), std::hash<std::string>()(name)) - 0.5, 0.4);
  return state;
}
std::unique_ptr<SegNetwork> lively(const SegConfig& config) {
  return seg_model("upattllstm").make(config, lively_state(config));
}

at::Tensor stack(const SegConfig& config, std::int64_t slices = 5, std::int64_t batch = 2) {
  return random({batch, config.channels, 8, 12, slices}, 3) - 0.5;
}
at::Tensor presence(std::initializer_list<std::initializer_list<bool>> rows) {
  std::vector<at::Tensor> tensors;
  for (const auto& row : rows) {
    std::vector<std::int64_t> values(row.begin(), row.end());
    tensors.push_back(at::tensor(values).to(at::kBool));
  }
  return at::stack(tensors);
}

const char* const kVariants[] = {"", "unidirectional", "logic", "logic unidirectional"};

TEST(Upattllstm, VariantsAreRecognisedFromNamesAndShapes) {
  for (const char* variant : kVariants) {
    const SegConfig truth = config_of(variant);
    const auto found = seg_model("upattllstm").recognise(random_state(seg_model("upattllstm").specs(truth), 1));
    ASSERT_TRUE(found) << variant;
    EXPECT_EQ(found->variant, variant);
    EXPECT_EQ(found->channels, 3);
    EXPECT_EQ(found->filters, truth.filters);
    EXPECT_EQ(found->deep_supervision, true);
  }
  EXPECT_THROW(seg_model("upattllstm").specs(config_of("sideways")), Error);
}

TEST(Upattllstm, InferenceEqualsTheForwardPassForAnyNumberOfSlices) {
  for (const char* variant : kVariants) {
    const SegConfig config = config_of(variant);
    const auto network = lively(config);
    for (const std::int64_t slices : {1, 4, 5, 9}) {
      const SegInput input(stack(config, slices), presence({{true, false, true}, {false, true, true}}));
      const at::Tensor inferred = network->infer(input);
      EXPECT_LE(largest_difference(inferred, at::softmax(network->forward(input, false).heads[0], 1)), 1e-5)
          << variant << slices;
      EXPECT_GT(inferred.std().item<double>(), 1e-4);
    }
  }
}

TEST(Upattllstm, WhatStandsInAnAbsentModalityIsNeverRead) {
  const SegConfig config = config_of();
  const auto network = lively(config);
  const at::Tensor x = stack(config), present = presence({{true, false, true}, {false, true, true}});
  at::Tensor spoilt = x.clone();
  spoilt[0][1].fill_(std::numeric_limits<float>::quiet_NaN());
  spoilt[1][0].fill_(std::numeric_limits<float>::infinity());
  EXPECT_TRUE(network->infer({spoilt, present}).equal(network->infer({x, present})));

  for (const TensorSpec& spec : network->specs()) network->state().at(spec.name).requires_grad_(true);
  thrombus_loss(network->forward({spoilt, present}, true), at::zeros({2, 8, 12, 5}, at::kLong)).backward();
  for (const TensorSpec& spec : network->specs()) {
    const at::Tensor& gradient = network->state().at(spec.name).grad();
    EXPECT_TRUE(!gradient.defined() || gradient.isfinite().all().item<bool>()) << spec.name;
  }
}

TEST(Upattllstm, ModalitiesPermutedWithTheirWeightsGiveTheSameOutput) {
  const SegConfig config = config_of();
  const StateDict state = lively_state(config);
  const std::vector<std::int64_t> order{2, 0, 1};
  StateDict permuted = state;
  for (auto& [name, tensor] : permuted) {
    if (name.ends_with(".wf")) tensor = state.at(name).index_select(0, at::tensor(order));
    if (name.starts_with("mod"))
      tensor = state.at("mod" + std::to_string(order[static_cast<std::size_t>(name[3] - '0')]) + name.substr(4));
  }
  const at::Tensor x = stack(config), present = presence({{true, false, true}, {true, true, true}});
  const at::Tensor index = at::tensor(order);
  const at::Tensor a = seg_model("upattllstm").make(config, state)->infer({x, present});
  const at::Tensor b =
      seg_model("upattllstm").make(config, permuted)->infer({x.index_select(1, index), present.index_select(1, index)});
  EXPECT_LE(largest_difference(a, b), 1e-6);
}

TEST(Upattllstm, ReversedSlicesWithSwappedDirectionsGiveTheReversedOutput) {
  const SegConfig config = config_of();
  const StateDict state = lively_state(config);
  StateDict swapped = state;
  for (auto& [name, tensor] : swapped) {
    std::string other = name;
    if (const auto at = name.find(".fwd."); at != std::string::npos) other.replace(at, 5, ".bwd.");
    if (const auto at = name.find(".bwd."); at != std::string::npos) other.replace(at, 5, ".fwd.");
    tensor = state.at(other);
  }
  // The two directions' halves trade places: so must the channels of what reads them.
  for (std::int64_t level = 1; level < 3; ++level) {
    const std::int64_t filters = config.filters[static_cast<std::size_t>(level)];
    const std::string reader = "dec" + std::to_string(level - 1) + ".up.weight";
    swapped.at(reader) = swapped.at(reader).roll({filters / 2}, {1}).contiguous();
    const std::string head = "head" + std::to_string(level) + ".weight";
    if (swapped.contains(head)) swapped.at(head) = swapped.at(head).roll({filters / 2}, {1}).contiguous();
  }
  const at::Tensor x = stack(config);
  const at::Tensor a = seg_model("upattllstm").make(config, state)->infer(x);
  const at::Tensor b = seg_model("upattllstm").make(config, swapped)->infer(x.flip(4));
  EXPECT_LE(largest_difference(a.flip(4), b), 1e-6);
}

TEST(Upattllstm, SliceBySliceEqualsTheStackInOneDirection) {
  for (const char* variant : {"unidirectional", "logic unidirectional"}) {
    const SegConfig config = config_of(variant);
    const auto network = lively(config);
    const at::Tensor x = stack(config), present = presence({{true, true, true}, {true, false, true}});
    const at::Tensor whole = network->infer({x, present}).select(1, 1);
    const auto stream = make_slice_stream(*network);
    for (std::int64_t slice = 0; slice < x.size(4); ++slice)
      EXPECT_LE(largest_difference(stream->push({x.select(4, slice), present}), whole.select(3, slice)), 1e-5) << slice;
  }
  EXPECT_THROW(make_slice_stream(*lively(config_of(""))), Error);
}

TEST(Upattllstm, MapsOfModalitiesAndGatesAreGivenWhenAskedFor) {
  const SegConfig config = config_of();
  const at::Tensor present = presence({{true, false, true}, {true, true, true}});
  const SegOutput output = lively(config)->forward({stack(config), present}, false, true);
  const at::Tensor& weights = output.mid.at("modality0");
  EXPECT_EQ(weights.sizes(), at::IntArrayRef({2, 3, 8, 12, 5}));
  EXPECT_LE(largest_difference(weights.sum(1), at::ones({2, 8, 12, 5})), 1e-5);
  EXPECT_TRUE(weights[0][1].eq(0).all().item<bool>());
  EXPECT_EQ(output.mid.at("psi1").sizes(), at::IntArrayRef({2, 1, 4, 6, 5}));
}

TEST(Upattllstm, ExplainedInferenceIsInferenceWithTheMapsOfForward) {
  const SegConfig config = config_of();
  const auto network = lively(config);
  const SegInput input{stack(config), presence({{true, false, true}, {true, true, true}})};
  const SegOutput forward = network->forward(input, false, true);
  double last = 0;
  int calls = 0;
  const StackExplanation explained = explain_stack(*network, input, [&](double done) {
    EXPECT_TRUE(done >= last && done < 1);
    last = done, ++calls;
  });
  EXPECT_GT(calls, 3);
  EXPECT_TRUE(explained.probability.equal(network->infer(input).narrow(1, 1, 1)));
  EXPECT_LE(largest_difference(explained.modalities, forward.mid.at("modality0")), 1e-6);
  EXPECT_LE(largest_difference(explained.gate, forward.mid.at("psi0")), 1e-6);
}

TEST(Upattllstm, ImpossibleInputsAreRefused) {
  const SegConfig config = config_of();
  const auto network = lively(config);
  const auto code = [&](const SegInput& input) {
    try {
      network->infer(input);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code({stack(config), presence({{true, true, true}, {false, false, false}})}), ErrorCode::kShape);
  EXPECT_EQ(code({stack(config), presence({{true, true, true}})}), ErrorCode::kShape);
  EXPECT_EQ(code({random({1, 2, 8, 8, 3})}), ErrorCode::kShape);
  EXPECT_EQ(code({random({1, 3, 10, 8, 3})}), ErrorCode::kShape);
}

TEST(RecurrentCells, GradientsEqualFiniteDifferencesInDoublePrecision) {
  const auto weight = [](at::IntArrayRef shape) { return random(shape, 4, at::kDouble) - 0.5; };
  for (const bool backwards : {false, true}) {
    const at::Tensor x = random({2, 3, 2, 4, 5}, 2, at::kDouble);
    const at::Tensor w = weight({12, 5, 3, 3}), b = weight({12});
    expect_slopes({{"x", x}, {"weight", w}, {"bias", b}}, [&] { return conv_lstm(x, w, b, backwards).square().sum(); });
    const at::Tensor lw = weight({9, 7, 3, 3}), lb = weight({9});
    expect_slopes({{"weight", lw}, {"bias", lb}}, [&] { return logic_cell(x, lw, lb, backwards).square().sum(); });
  }
}

TEST(RecurrentCells, TheLogicCellStaysBetweenZeroAndOne) {
  const at::Tensor y = logic_cell(random({1, 30, 2, 4, 4}) * 20 - 10, random({6, 6, 3, 3}, 2) * 8 - 4, random({6}));
  EXPECT_GE(y.min().item<double>(), 0);
  EXPECT_LE(y.max().item<double>(), 1);
}

TEST(RecurrentCells, DirectionalContextOfOnePointReachesItsRowAndColumn) {
  at::Tensor x = at::zeros({1, 1, 5, 5});
  x[0][0][2][1] = 4;
  const at::Tensor y = directional_context(x)[0][0];
  EXPECT_EQ(y[2][1].item<float>(), 4);  // all four directions
  EXPECT_EQ(y[2][4].item<float>(), 1);  // from the left
  EXPECT_EQ(y[0][1].item<float>(), 1);  // from below
  EXPECT_EQ(y[0][0].item<float>(), 0);
}

TEST(ThrombusLoss, OneVoxelSurvivesInEveryHeadAndThePerfectWindowHasFiniteGradients) {
  at::Tensor label = at::zeros({1, 8, 8, 2}, at::kLong);
  label[0][3][5][1] = 1;
  SegOutput right, wrong;
  for (std::int64_t level = 0; level < 3; ++level) {
    at::Tensor z = at::full({1, 1, 8 >> level, 8 >> level, 2}, -30.F);
    const at::Tensor nothing = at::cat({at::zeros_like(z), z}, 1);
    z[0][0][3 >> level][5 >> level][1] = 30;
    right.heads.push_back(at::cat({at::zeros_like(z), z}, 1).requires_grad_(true));
    wrong.heads.push_back(nothing);
  }
  const at::Tensor good = thrombus_loss(right, label);
  EXPECT_LT(good.item<double>(), 1e-3);
  EXPECT_GT(thrombus_loss(wrong, label).item<double>(), 1);
  good.backward();
  EXPECT_TRUE(right.heads[0].grad().isfinite().all().item<bool>());
}

}  // namespace
}  // namespace fovea::models
