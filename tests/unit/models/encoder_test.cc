// Tile encoders without their real weights (those: tests/parity/encoder_parity_test.cc).
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <tuple>
#include <unistd.h>

#include <gtest/gtest.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/api/module.h>

#include <fovea/base/error.h>
#include <fovea/models/encoder.h>
#include <fovea/models/vit.h>

#include "encoder/tile_resize.h"

namespace fovea::models {
namespace {

const EncoderRow& lite0() {
  return encoder("efficientnet_lite0");
}

at::Tensor random_tiles(std::int64_t count, std::int64_t edge) {
  return at::randint(0, 256, {count, edge, edge, 3}, at::make_generator<at::CPUGeneratorImpl>(1), at::kByte);
}

Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no fovea::Error was thrown";
  return Error(ErrorCode::kInternal, "", "none");
}

TEST(EncoderRegistry, NamesItsRowsAndSaysWhatItKnows) {
  EXPECT_EQ(lite0().info.dim, 1280);
  EXPECT_EQ(lite0().info.name, lite0().name);
  const Error error = error_of([] { encoder("no-such-encoder"); });
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_NE(std::string(error.what()).find("efficientnet_lite0"), std::string::npos);
}

TEST(EfficientNetLite0, HasTheTensorsOfThePublishedCheckpoint) {
  const auto specs = lite0().specs();
  EXPECT_EQ(specs.size(), 245U) << "294 entries less one counter for each of 49 norms";
  EXPECT_EQ(parameter_count(specs, true), 3'371'008);
}

TEST(EfficientNetLite0, DropsTheClassifierAndTheCountersOfTheCheckpoint) {
  StateDict state = random_state(lite0().specs(), 1);
  const std::size_t wanted = state.size();
  state["_fc.weight"] = at::zeros({1000, 1280});
  state["_bn0.num_batches_tracked"] = at::zeros({}, at::kLong);
  const StateDict kept = without_dropped(lite0(), state);
  EXPECT_EQ(kept.size(), wanted);
  EXPECT_NO_THROW(checked_state(lite0().specs(), kept, "test"));
}

TEST(EfficientNetLite0, GivesOneRowForEachTileWhateverTheBatch) {
  const auto network = lite0().make(random_state(lite0().specs(), 1), lite0().info);
  const at::Tensor tiles = random_tiles(3, 224);
  const at::Tensor features = network->encode(tiles);
  ASSERT_EQ(features.sizes(), (at::IntArrayRef{3, 1280}));
  EXPECT_EQ(features.scalar_type(), at::kFloat);
  EXPECT_FALSE(features[0].equal(features[1]));
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_TRUE(network->encode(tiles.narrow(0, i, 1))[0].equal(features[i])) << i;
  EXPECT_EQ(network->encode(tiles.narrow(0, 0, 0)).sizes(), (at::IntArrayRef{0, 1280}));
}

TEST(EfficientNetLite0, GivesTheSameBitsOnAnyNumberOfThreadsAndInAnyOrder) {
  const auto network = lite0().make(random_state(lite0().specs(), 1), lite0().info);
  const at::Tensor tiles = random_tiles(5, 224);
  const at::Tensor features = network->encode(tiles);
  EXPECT_TRUE(network->encode(tiles.flip({0})).flip({0}).equal(features));
  const int before = at::get_num_threads();
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    EXPECT_TRUE(network->encode(tiles).equal(features)) << threads;
  }
  at::set_num_threads(before);
}

TEST(EfficientNetLite0, RefusesTilesOfAnotherSizeOrType) {
  const auto network = lite0().make(random_state(lite0().specs(), 1), lite0().info);
  EXPECT_EQ(error_of([&] { network->encode(random_tiles(1, 256)); }).code(), ErrorCode::kShape);
  EXPECT_EQ(error_of([&] { network->encode(at::zeros({1, 224, 224, 3})); }).code(), ErrorCode::kShape);
  EXPECT_EQ(error_of([&] { network->encode(at::zeros({1, 3, 224, 224}, at::kByte)); }).code(), ErrorCode::kShape);
}

/// A TorchScript file made here, gone with the object.
class ScriptFile {
 public:
  explicit ScriptFile(const std::string& source) {
    char name[] = "/tmp/fovea-script-XXXXXX";
    close(mkstemp(name));
    path = name;
    torch::jit::Module module("encoder");
    module.define(source);
    module.save(path);
  }
  ~ScriptFile() { std::remove(path.c_str()); }
  std::string path;
};

TEST(TorchScriptEncoder, MeasuresItsWidthAndNormalisesTheTiles) {
  const ScriptFile file("def forward(self, x):\n  return x.mean([2, 3])\n");
  const EncoderInfo info{.name = "mine", .dim = 0, .tile_px = 8, .mean = {0.5, 0.25, 0}, .std = {0.5, 0.5, 1}};
  const auto network = load_torchscript_encoder(file.path, info);
  EXPECT_EQ(network->info().dim, 3);
  const at::Tensor features = network->encode(at::full({2, 8, 8, 3}, 255, at::kByte));
  EXPECT_NEAR(features[1][0].item<double>(), 1, 1e-6);
  EXPECT_NEAR(features[1][1].item<double>(), 1.5, 1e-6);
  EXPECT_NEAR(features[1][2].item<double>(), 1, 1e-6);
  EXPECT_EQ(network->encode(at::zeros({0, 8, 8, 3}, at::kByte)).sizes(), (at::IntArrayRef{0, 3}));
}

TEST(TorchScriptEncoder, RefusesFilesThatAreNoTorchScriptOrNoEncoder) {
  EXPECT_EQ(error_of([] { load_torchscript_encoder("/nonexistent/encoder.pt", {}); }).code(), ErrorCode::kCorrupt);
  const ScriptFile image_to_image("def forward(self, x):\n  return x\n");
  const Error error = error_of([&] { load_torchscript_encoder(image_to_image.path, {.tile_px = 8}); });
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_EQ(error.subject(), image_to_image.path);
  const ScriptFile failing("def forward(self, x):\n  return x.view([7])\n");
  EXPECT_EQ(error_of([&] { load_torchscript_encoder(failing.path, {.tile_px = 8}); }).code(), ErrorCode::kUnsupported);
}

TEST(Resnet50Trunc, HasTheTensorsOfTheTorchvisionCheckpointUpToItsThirdLayer) {
  const EncoderRow& row = encoder("resnet50_trunc");
  EXPECT_EQ(parameter_count(row.specs(), true), 8'543'296) << "reference/wsi.md 4: 8.54 M";
  StateDict state = random_state(row.specs(), 1);
  const std::size_t wanted = state.size();
  state["layer4.0.conv1.weight"] = at::zeros({1}), state["fc.weight"] = at::zeros({1});
  EXPECT_EQ(without_dropped(row, state).size(), wanted);
}

TEST(Resnet50Trunc, GivesATileTheSameBitsWhateverTheBatch) {
  const EncoderRow& row = encoder("resnet50_trunc");
  const auto network = row.make(random_state(row.specs(), 1), row.info);
  const at::Tensor tiles = random_tiles(3, 256);
  const at::Tensor features = network->encode(tiles);
  ASSERT_EQ(features.sizes(), (at::IntArrayRef{3, 1024}));
  EXPECT_TRUE(network->encode(tiles.narrow(0, 2, 1))[0].equal(features[2]));
}

TEST(EncoderRegistry, KnowsTheNamesPeopleUse) {
  for (const auto& [said, name] : std::vector<std::pair<std::string, std::string>>{{"UNI", "uni_v1"},
                                                                                   {"UNI2-h", "uni_v2"},
                                                                                   {"H-optimus-0", "hoptimus0"},
                                                                                   {"phikon-v2", "phikon_v2"},
                                                                                   {"Prov-GigaPath", "gigapath"},
                                                                                   {"resnet50", "resnet50_trunc"},
                                                                                   {"CONCH", "conch_v1"}}) {
    ASSERT_NE(find_encoder(said), nullptr) << said;
    EXPECT_EQ(find_encoder(said)->name, name);
  }
  EXPECT_EQ(find_encoder("uni_v3"), nullptr);
}

TEST(VisionTransformers, AreRecognisedFromTheTensorsOfTheirRow) {
  for (const EncoderRow& row : encoders()) {
    if (!row.vit) continue;
    StateDict state;
    for (const TensorSpec& spec : row.specs()) state[spec.name] = at::zeros({1}).expand(spec.shape);
    const auto found = recognise_vit(state);
    ASSERT_TRUE(found) << row.name;
    const VitConfig& wanted = *row.vit;
    EXPECT_EQ(std::tie(found->dim, found->depth, found->patch, found->hidden, found->registers, found->grid),
              std::tie(wanted.dim, wanted.depth, wanted.patch, wanted.hidden, wanted.registers, wanted.grid))
        << row.name;
    EXPECT_EQ(std::tie(found->naming, found->gated, found->layer_scale, found->position_prefix),
              std::tie(wanted.naming, wanted.gated, wanted.layer_scale, wanted.position_prefix))
        << row.name;
  }
}

/// What Pillow 12 makes of the picture below.
TEST(TileResize, AgreesWithPillowToTheLastBit) {
  at::Tensor tile = at::zeros({1, 8, 8, 3}, at::kByte);
  for (int i = 0; i < 64; ++i) {
    const int value = (i * i * 37 + i * 11) % 256;
    tile.view({64, 3})[i][0].fill_(value);
    tile.view({64, 3})[i][1].fill_(255 - value);
  }
  const std::vector<int> bilinear{53,  147, 143, 190, 113, 128, 169, 186, 188, 135, 120, 163, 158,
                                  147, 97,  156, 139, 99,  143, 135, 70,  112, 124, 107, 115};
  const std::vector<int> bicubic{45,  151, 142, 198, 111, 129, 171, 192, 195, 137, 120, 167, 164,
                                 147, 88,  163, 138, 84,  150, 142, 62,  107, 127, 105, 115};
  const std::vector<int> inverse{210, 104, 113, 57,  144, 126, 84,  63,  60,  118, 135, 88, 91,
                                 108, 167, 92,  117, 171, 105, 113, 193, 148, 128, 150, 140};
  const auto channel = [&](Interpolation interpolation, std::int64_t index) {
    const at::Tensor resized = encoder_detail::TileResize(8, 5, interpolation)(tile).select(3, index).contiguous();
    const auto* first = resized.const_data_ptr<std::uint8_t>();
    return std::vector<int>(first, first + resized.numel());
  };
  EXPECT_EQ(channel(Interpolation::kBilinear, 0), bilinear);
  EXPECT_EQ(channel(Interpolation::kBicubic, 0), bicubic);
  EXPECT_EQ(channel(Interpolation::kBicubic, 1), inverse);
}

}  // namespace
}  // namespace fovea::models
