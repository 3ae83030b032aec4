// EfficientNet-Lite0 with its real ImageNet weights against embeddings of three tiles of a real slide (fixtures/wsi).
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <fovea/io/image.h>
#include <fovea/io/weights.h>
#include <fovea/models/encoder.h>

#include "shared.h"
#include "tensor_bridge.h"

namespace fovea {
namespace {

constexpr double kTolerance = 1e-3;  // stated in the fixture

std::filesystem::path checkpoint() {
  const char* deps = std::getenv("FOVEA_DEPS");
  const auto folder = deps ? std::filesystem::path(deps) : std::filesystem::path(FOVEA_SOURCE_DIR) / ".deps";
  return folder / "encoder/efficientnet-lite0-57934424.pth";
}

class EncoderParity : public testing::Test {
 protected:
  void SetUp() override {
    FOVEA_NEEDS_SHARED("fixtures/wsi/effnet_lite0_embeddings.json");
    if (!std::filesystem::exists(checkpoint())) GTEST_SKIP() << "needs " << checkpoint().string() << " (./run deps)";
    const models::EncoderRow& row = models::encoder("efficientnet_lite0");
    const auto file = io::read_torch_checkpoint(checkpoint());
    const auto state = models::without_dropped(row, pipeline::to_state(file));
    encoder_ = row.make(models::checked_state(row.specs(), state, "checkpoint"), row.info);
    const auto folder = test::shared_dir() / "fixtures/wsi";
    std::ifstream stream(folder / "effnet_lite0_embeddings.json");
    const nlohmann::json truth = nlohmann::json::parse(stream);
    for (const auto& tile : truth.at("tiles")) {
      io::Image image = io::read_image(folder / tile.at("png").get<std::string>());
      ASSERT_EQ(image.channels, 3);
      tiles_.push_back(at::from_blob(image.pixels.data(), {image.height, image.width, 3}, at::kByte).clone());
      embeddings_.push_back(at::tensor(tile.at("embedding").get<std::vector<float>>()));
    }
  }
  std::unique_ptr<models::TileEncoder> encoder_;
  std::vector<at::Tensor> tiles_, embeddings_;
};

TEST_F(EncoderParity, RealTilesGiveTheRecordedEmbeddings) {
  const at::Tensor features = encoder_->encode(at::stack(tiles_));
  ASSERT_EQ(features.sizes(), (at::IntArrayRef{static_cast<std::int64_t>(tiles_.size()), 1280}));
  ASSERT_GT(tiles_.size(), 0U);
  for (std::size_t i = 0; i < tiles_.size(); ++i) {
    const double error = (features[static_cast<std::int64_t>(i)] - embeddings_[i]).abs().max().item<double>();
    EXPECT_LE(error, kTolerance) << "tile " << i;
  }
}

TEST_F(EncoderParity, ATileGivesTheSameBitsInAnyBatchAndPlace) {
  const int threads = at::get_num_threads();
  for (const int count : {1, 2}) {
    at::set_num_threads(count);
    const at::Tensor alone = encoder_->encode(tiles_[1].unsqueeze(0));
    EXPECT_LE((alone[0] - embeddings_[1]).abs().max().item<double>(), kTolerance) << count << " threads";
    std::vector<at::Tensor> many;
    for (std::size_t i = 0; i < 19; ++i) many.push_back(tiles_[i % tiles_.size()]);
    const at::Tensor features = encoder_->encode(at::stack(many));
    for (std::int64_t i = 1; i < 19; i += static_cast<std::int64_t>(tiles_.size())) {
      EXPECT_TRUE(features[i].equal(alone[0])) << "row " << i << ", " << count << " threads";
    }
  }
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace fovea
