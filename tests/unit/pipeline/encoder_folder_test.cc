// Encoders as people download them: tiny ones that timm and transformers made and computed (tests/parity/encoders, by
// tests/python/make_encoder_fixtures.py), and every way in which such a folder can be wrong.
#include <cstdlib>
#include <fstream>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/weights.h>

#include "model_store.h"
#include "shared.h"
#include "tensor_bridge.h"

namespace {

using namespace fovea;
using namespace fovea::pipeline;
using fovea::test::TemporaryFolder;
using models::StateDict;
using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
namespace fs = std::filesystem;

fs::path fixtures() {
  return fs::path(FOVEA_SOURCE_DIR) / "tests/parity/encoders";
}

std::vector<std::string> fixture_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fixtures())) names.push_back(entry.path().filename());
  return names;
}

LoadedEncoder load(const fs::path& folder) {
  return load_encoder(folder.string(), false);
}

std::string refusal(const fs::path& folder) {
  try {
    load(folder);
  } catch (const Error& error) {
    EXPECT_FALSE(error.remedy().empty());
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

class GoldenEncoder : public testing::TestWithParam<std::string> {
 protected:
  StateDict stored() const { return to_state(io::read_safetensors(fixtures() / GetParam() / "selftest.safetensors")); }
};

TEST_P(GoldenEncoder, GivesTheFeaturesOfItsOriginal) {
  const StateDict golden = stored();
  const at::Tensor features = load(fixtures() / GetParam()).encoder->encode(golden.at("tiles"));
  ASSERT_EQ(features.sizes(), golden.at("features").sizes());
  EXPECT_LE((features - golden.at("features")).abs().max().item<double>(), 1e-5);
}

TEST_P(GoldenEncoder, GivesATileTheSameBitsWhateverLiesBesideIt) {
  const at::Tensor tiles = stored().at("tiles");
  const LoadedEncoder loaded = load(fixtures() / GetParam());
  const at::Tensor many = loaded.encoder->encode(at::cat({tiles, tiles, tiles.flip({0})}));
  for (std::int64_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(loaded.encoder->encode(tiles.narrow(0, i, 1))[0].equal(many[i]));
    EXPECT_TRUE(many[i].equal(many[2 + i]));
    EXPECT_TRUE(many[i].equal(many[5 - i]));
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenEncoder, testing::ValuesIn(fixture_names()),
                         [](const auto& info) { return info.param; });

/// A copy of a fixture to spoil.
class EncoderFolder : public testing::Test {
 protected:
  void start(const std::string& fixture, const std::string& name = "encoder") {
    folder_ = root_ / name;
    fs::copy(fixtures() / fixture, folder_);
  }
  void change_config(const std::function<void(json&)>& change) {
    std::ifstream in(folder_ / "config.json");
    json config = json::parse(in);
    change(config);
    std::ofstream(folder_ / "config.json") << config.dump();
  }
  void change_tensors(const std::string& file, const std::function<void(StateDict&)>& change) {
    StateDict state;
    for (const auto& [name, tensor] : to_state(io::read_safetensors(folder_ / file))) state[name] = tensor.clone();
    change(state);
    io::write_safetensors(folder_ / file, to_arrays(state), {});
  }
  void change_weights(const std::function<void(StateDict&)>& change) { change_tensors("model.safetensors", change); }

  TemporaryFolder root_;
  fs::path folder_;
};

TEST_F(EncoderFolder, CanBeGivenWithASlashAtTheEnd) {
  start("timm_class");
  EXPECT_EQ(load(folder_ / "").encoder->info().name, "encoder");
}

TEST_F(EncoderFolder, SaysWhatItIs) {
  start("timm_layer_scale_resized");
  const LoadedEncoder loaded = load(folder_);
  EXPECT_EQ(loaded.encoder->info().tile_px, 24);
  EXPECT_EQ(loaded.encoder->info().network_px(), 16);
  EXPECT_EQ(loaded.description.sha256.size(), 64U);
  EXPECT_THAT(loaded.description.notices, Contains(HasSubstr("scale")));
}

TEST_F(EncoderFolder, TakesWhatTransformersWritesForAModelWithAHead) {
  start("hub_vit");
  change_weights([](StateDict& state) {
    StateDict wrapped;
    for (const auto& [name, tensor] : state) wrapped["vit." + name] = tensor;
    wrapped["classifier.weight"] = at::zeros({2, 8});
    state = wrapped;
  });
  EXPECT_NO_THROW(load(folder_));
}

TEST_F(EncoderFolder, RefusesWeightsThatContradictTheConfig) {
  start("timm_class");
  change_config([](json& config) { config["model_args"]["depth"] = 3; });
  EXPECT_THAT(refusal(folder_), AllOf(HasSubstr("contradict config.json"), HasSubstr("depth is 2, not 3")));
}

TEST_F(EncoderFolder, ListsMissingAndUnknownTensorsInTheFilesOwnNames) {
  start("hub_dinov2");
  change_weights([](StateDict& state) {
    state.erase("encoder.layer.1.attention.attention.key.weight");
    state["encoder.layer.1.adapter.weight"] = at::zeros({2});
  });
  EXPECT_THAT(refusal(folder_), AllOf(HasSubstr("missing: encoder.layer.1.attention.attention.key.weight"),
                                      HasSubstr("encoder.layer.1.adapter.weight")));
}

TEST_F(EncoderFolder, RefusesAnArgumentItDoesNotKnow) {
  start("timm_class");
  change_config([](json& config) { config["model_args"]["rotary"] = true; });
  EXPECT_THAT(refusal(folder_), HasSubstr("'rotary'"));
}

TEST_F(EncoderFolder, RefusesAnotherActivation) {
  start("hub_vit");
  change_config([](json& config) { config["hidden_act"] = "quick_gelu"; });
  EXPECT_THAT(refusal(folder_), HasSubstr("quick_gelu"));
}

TEST_F(EncoderFolder, RefusesHeadsThatDoNotDivideTheWidth) {
  start("timm_class");
  change_config([](json& config) { config["model_args"]["num_heads"] = 3; });
  EXPECT_THAT(refusal(folder_), HasSubstr("3 heads"));
}

TEST_F(EncoderFolder, AsksWhichFeaturesWhenTheConfigLeavesThemOpen) {
  start("timm_class_mean");
  change_config([](json& config) { config.erase("fovea"); });
  EXPECT_THAT(refusal(folder_), AllOf(HasSubstr("global_pool"), HasSubstr("class_mean")));
}

TEST_F(EncoderFolder, AsksForTheNormalisation) {
  start("hub_vit");
  fs::remove(folder_ / "preprocessor_config.json");
  EXPECT_THAT(refusal(folder_), HasSubstr("normalisation"));
}

TEST_F(EncoderFolder, NoticesWhenItNoLongerGivesTheStoredFeatures) {
  start("timm_class");
  change_tensors("selftest.safetensors", [](StateDict& state) { state.at("features")[1][2] += 0.01; });
  EXPECT_THAT(refusal(folder_), HasSubstr("does not give the stored features"));
}

TEST_F(EncoderFolder, RefusesASelfTestOfAnotherShape) {
  start("timm_class");
  change_tensors("selftest.safetensors", [](StateDict& state) { state["features"] = at::zeros({2, 7}); });
  EXPECT_THAT(refusal(folder_), HasSubstr("selftest.safetensors"));
}

TEST_F(EncoderFolder, SaysWhichFileIsMissing) {
  start("timm_class");
  fs::remove(folder_ / "model.safetensors");
  EXPECT_THAT(refusal(folder_), HasSubstr("neither model.safetensors nor pytorch_model.bin"));
  fs::remove(folder_ / "config.json");
  EXPECT_THAT(refusal(folder_), HasSubstr("no config.json"));
}

TEST_F(EncoderFolder, RefusesAConfigThatIsNoJsonOrNamesNoNetwork) {
  start("timm_class");
  change_config([](json& config) { config["architecture"] = "swin_tiny_patch4_window7_224"; });
  EXPECT_THAT(refusal(folder_), AllOf(HasSubstr("swin_tiny"), HasSubstr("TorchScript")));
  std::ofstream(folder_ / "config.json") << "{";
  EXPECT_THAT(refusal(folder_), HasSubstr("not a JSON object"));
  std::ofstream(folder_ / "config.json")
      << R"({"architecture": "vit_small_patch16_224", "model_args": {"depth": "2"}})";
  EXPECT_THAT(refusal(folder_), HasSubstr("'depth'"));
}

TEST_F(EncoderFolder, CalledLikeAKnownEncoderIsNotTakenForItWhenItIsAnother) {
  start("timm_class", "UNI");
  const LoadedEncoder loaded = load(folder_);
  EXPECT_EQ(loaded.encoder->info().name, "UNI");
  EXPECT_THAT(loaded.description.notices, Contains(AllOf(HasSubstr("uni_v1"), HasSubstr("width is 8, not 1024"))));
}

TEST_F(EncoderFolder, IsFoundByAnyNameOfTheEncoderAndMustBeThatEncoder) {
  start("timm_class", "UNI2-h");
  ::setenv("FOVEA_ENCODERS", root_.path().c_str(), 1);
  EXPECT_EQ(find_encoder_weights("uni_v2"), folder_);
  std::string text;
  try {
    load_encoder("uni2-h", false);
  } catch (const Error& error) {
    text = error.what();
  }
  ::unsetenv("FOVEA_ENCODERS");
  EXPECT_THAT(text, HasSubstr("not the weights of uni_v2"));
}

TEST_F(EncoderFolder, ComputesInFloat32OnTheProcessor) {
  start("timm_class");
  EXPECT_THROW(load_encoder(folder_.string(), false, {at::kCPU, at::kHalf}), Error);
}

TEST(KnownEncoders, TellWhereMissingWeightsComeFrom) {
  for (const char* name : {"gigapath", "conch_v1", "resnet50_trunc"}) {
    try {
      load_encoder(name, false);
      ADD_FAILURE() << name << " is not installed here";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kNotFound);
      EXPECT_THAT(error.what(), AllOf(HasSubstr("FOVEA_ENCODERS"), HasSubstr("Licence: "))) << name;
    }
  }
}

}  // namespace
