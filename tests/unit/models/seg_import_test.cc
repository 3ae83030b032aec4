// Anonymous Keras and ONNX layers to canonical names: names are made from a known network and must lead back to it.
#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>
#include <fovea/models/segmentation.h>

#include "seg/agunet.h"

namespace fovea::models {
namespace {

using Kind = seg::LayerPlan::Kind;

StateDict distinct_state(const SegConfig& config) {
  StateDict state = random_state(seg_model("agunet").specs(config), 1);
  std::uint64_t seed = 0;
  for (auto& [name, tensor] : state) {
    tensor = at::rand(tensor.sizes(), at::make_generator<at::CPUGeneratorImpl>(++seed), at::kFloat);
  }
  return state;
}

SegConfig config_of(int dims, bool multi_scale, bool deep_supervision, bool attention) {
  // The widths of levels 0 and 1 are equal: nothing but order tells their biases apart.
  return {"agunet", dims, 2, 2, {4, 4, 8, 8}, multi_scale, deep_supervision, attention};
}

/// Numbers each class in creation order from `start` in steps of `step`; number 0 has no suffix, as in Keras.
class Numbering {
 public:
  Numbering(int dims, int start, int step) : dims_(std::to_string(dims)), start_(start), step_(step) {}
  std::string next(Kind kind) {
    const int number = start_ + step_ * count_[kind]++;
    const std::string name = kind == Kind::kConvolution  ? "conv" + dims_ + "d"
                             : kind == Kind::kTransposed ? "conv" + dims_ + "d_transpose"
                                                         : "batch_normalization";
    return number == 0 ? name : name + "_" + std::to_string(number);
  }

 private:
  std::string dims_;
  int start_, step_;
  std::map<Kind, int> count_;
};

at::Tensor keras_kernel(const at::Tensor& weight) {
  std::vector<std::int64_t> order;
  for (std::int64_t axis = 2; axis < weight.dim(); ++axis) order.push_back(axis);
  order.push_back(1), order.push_back(0);
  return weight.permute(order).contiguous();
}

StateDict as_keras(const SegConfig& config, const StateDict& state, int start, int step) {
  StateDict file;
  Numbering numbering(config.dims, start, step);
  for (const seg::LayerPlan& layer : seg::agunet_plan(config)) {
    const std::string name = numbering.next(layer.kind);
    if (layer.kind == Kind::kNorm) {
      file[name + "/gamma"] = state.at(layer.name + ".weight");
      file[name + "/beta"] = state.at(layer.name + ".bias");
      file[name + "/moving_mean"] = state.at(layer.name + ".running_mean");
      file[name + "/moving_variance"] = state.at(layer.name + ".running_var");
    } else {
      file[name + "/kernel"] = keras_kernel(state.at(layer.name + ".weight"));
      file[name + "/bias"] = state.at(layer.name + ".bias");
    }
  }
  return file;
}

struct Onnx {
  StateDict initialisers;
  std::vector<GraphNode> graph;
};

Onnx as_onnx(const SegConfig& config, const StateDict& state) {
  Onnx onnx;
  Numbering numbering(config.dims, 0, 1);
  const std::string d = std::to_string(config.dims);
  int folded = 500;
  for (const seg::LayerPlan& layer : seg::agunet_plan(config)) {
    const std::string path = "model/" + numbering.next(layer.kind);
    if (layer.kind == Kind::kNorm) {
      const std::vector<std::string> names{path + "/ReadVariableOp:0", path + "/ReadVariableOp_1:0",
                                           path + "/FusedBatchNormV3/ReadVariableOp:0",
                                           path + "/FusedBatchNormV3/ReadVariableOp_1:0"};
      const char* suffixes[] = {".weight", ".bias", ".running_mean", ".running_var"};
      for (std::size_t i = 0; i < 4; ++i) onnx.initialisers[names[i]] = state.at(layer.name + suffixes[i]);
      onnx.graph.push_back(
          {"BatchNormalization", path + "/FusedBatchNormV3", {"x", names[0], names[1], names[2], names[3]}, {"y"}});
    } else if (layer.kind == Kind::kConvolution) {
      const std::string kernel = path + "/Conv" + d + "D/ReadVariableOp:0", bias = path + "/BiasAdd/ReadVariableOp:0";
      onnx.initialisers[kernel] = state.at(layer.name + ".weight");
      onnx.initialisers[bias] = state.at(layer.name + ".bias");
      onnx.graph.push_back({"Conv", "Conv__" + std::to_string(folded), {"x", kernel, bias}, {"y"}});
    } else {
      const std::string kernel = path + "/conv" + d + "d_transpose/ReadVariableOp:0";
      const std::string bias = "const_fold_opt__" + std::to_string(folded--);  // not in order of creation
      std::vector<std::int64_t> shape(static_cast<std::size_t>(config.dims) + 2, 1);
      shape[1] = layer.out;
      onnx.initialisers[kernel] = state.at(layer.name + ".weight");
      onnx.initialisers[bias] = state.at(layer.name + ".bias").view(shape);
      onnx.graph.push_back({"ConvTranspose", path, {"x", kernel}, {path + ":0"}});
      onnx.graph.push_back({"Add", path + "/BiasAdd", {path + ":0", bias}, {"y"}});
    }
  }
  return onnx;
}

void expect_same(const std::optional<StateDict>& found, const StateDict& truth) {
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), truth.size());
  for (const auto& [name, tensor] : truth) {
    ASSERT_TRUE(found->contains(name)) << name;
    EXPECT_TRUE(found->at(name).equal(tensor)) << name;
    EXPECT_TRUE(found->at(name).is_contiguous()) << name;
  }
}

std::optional<StateDict> import(const StateDict& file, std::string_view format, std::span<const GraphNode> graph = {}) {
  return seg_model("agunet").from_anonymous(anonymous_layers(file, format, graph));
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    return error.what();
  }
  ADD_FAILURE() << "no fovea::Error was thrown";
  return {};
}

class ImportSwitches : public testing::TestWithParam<int> {
 protected:
  SegConfig config() const {
    const int bits = GetParam();
    return config_of(bits & 8 ? 2 : 3, bits & 1, bits & 2, bits & 4);
  }
};

TEST_P(ImportSwitches, KerasLayersFindTheirCanonicalNamesWhateverTheNumbering) {
  const StateDict state = distinct_state(config());
  expect_same(import(as_keras(config(), state, 0, 1), "keras-hdf5"), state);
  expect_same(import(as_keras(config(), state, 37, 3), "keras-hdf5"), state);
}

TEST_P(ImportSwitches, OnnxInitialisersFindTheirCanonicalNames) {
  const StateDict state = distinct_state(config());
  const Onnx onnx = as_onnx(config(), state);
  expect_same(import(onnx.initialisers, "onnx", onnx.graph), state);
}

INSTANTIATE_TEST_SUITE_P(All, ImportSwitches, testing::Range(0, 16));

TEST(Import, WithoutAGraphABiasThatItsShapeCannotAttributeIsRefused) {
  const SegConfig config = config_of(3, true, true, true);
  const Onnx onnx = as_onnx(config, distinct_state(config));
  EXPECT_NE(refusal([&] { import(onnx.initialisers, "onnx"); }).find("conv3d_transpose"), std::string::npos);
}

TEST(Import, WithoutAGraphABiasOfUniqueWidthIsFoundByItsShape) {
  const SegConfig config{"agunet", 3, 1, 2, {4, 6, 8}, true, true, true};
  const StateDict state = distinct_state(config);
  expect_same(import(as_onnx(config, state).initialisers, "onnx"), state);
}

TEST(Import, ConstantsThatTf2onnxMergedAreFoundThroughTheGraph) {
  const SegConfig config = config_of(3, false, false, true);
  StateDict state = distinct_state(config);
  state["enc1.conv0.bias"] = state["enc0.conv0.bias"].clone();
  state["enc1.bn0.running_mean"] = state["enc0.bn0.running_mean"].clone();
  Onnx onnx = as_onnx(config, state);
  const std::pair<std::string, std::string> merged[] = {
      {"model/conv3d_2/BiasAdd/ReadVariableOp:0", "model/conv3d/BiasAdd/ReadVariableOp:0"},
      {"model/batch_normalization_2/FusedBatchNormV3/ReadVariableOp:0",
       "model/batch_normalization/FusedBatchNormV3/ReadVariableOp:0"}};
  for (const auto& [gone, kept] : merged) {
    ASSERT_EQ(onnx.initialisers.erase(gone), 1U);
    for (GraphNode& node : onnx.graph) std::replace(node.inputs.begin(), node.inputs.end(), gone, kept);
  }
  expect_same(import(onnx.initialisers, "onnx", onnx.graph), state);
}

TEST(Import, LayersThatNoLayoutExplainsAreNotAnAgunet) {
  const SegConfig config = config_of(3, true, true, true);
  StateDict file = as_keras(config, distinct_state(config), 0, 1);
  StateDict one_layer_less = file;
  one_layer_less.erase("conv3d_3/kernel");
  one_layer_less.erase("conv3d_3/bias");
  EXPECT_FALSE(import(one_layer_less, "keras-hdf5"));
  file["conv3d_3/kernel"] = at::zeros({3, 3, 3, 5, 4});
  EXPECT_FALSE(import(file, "keras-hdf5"));
}

TEST(Import, AKerasLayerWithoutBiasGetsAZeroBias) {
  const SegConfig config = config_of(3, true, true, true);
  StateDict state = distinct_state(config), file = as_keras(config, state, 0, 1);
  file.erase("conv3d/bias");
  state["enc0.conv0.bias"] = at::zeros({4});
  expect_same(import(file, "keras-hdf5"), state);
}

TEST(Import, FilesWithoutSuchLayersOrWithHalfOnesAreRefused) {
  EXPECT_NE(refusal([] {
              anonymous_layers({{"dense/kernel", at::zeros({3, 3})}}, "keras-hdf5");
            }).find("no convolution"),
            std::string::npos);
  EXPECT_NE(refusal([] { anonymous_layers({}, "safetensors"); }).find("safetensors"), std::string::npos);
  EXPECT_NE(refusal([] {
              anonymous_layers({{"conv3d/bias", at::zeros({3})}}, "keras-hdf5");
            }).find("no kernel"),
            std::string::npos);
  const StateDict half_norm{{"batch_normalization/gamma", at::zeros({3})},
                            {"conv3d/kernel", at::zeros({3, 3, 3, 1, 3})}};
  EXPECT_NE(refusal([&] { anonymous_layers(half_norm, "keras-hdf5"); }).find("four tensors"), std::string::npos);
}

}  // namespace
}  // namespace fovea::models
