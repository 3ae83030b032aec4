// The slide transformer as properties: what it may depend on, what not, and its edges.
#include <fovea/models/slide_transformer.h>

#include <cmath>

#include "attention_checks.h"

namespace {

using namespace fovea::models;
using fovea::attention::testing_tools::expect_error;
using fovea::attention::testing_tools::slope_at;

SlideTransformerConfig small_config(const std::string& layers = "lg") {
  SlideTransformerConfig config;
  config.features = 12, config.classes = 3, config.inner = 16, config.heads = 2, config.layers = layers;
  config.window = 3, config.attention = 8, config.branches = 2;
  return config;
}

SlideTransformer make(const SlideTransformerConfig& config = small_config(), at::ScalarType type = at::kFloat) {
  StateDict state = random_state(SlideTransformer::specs_of(config), 5);
  for (auto& [name, tensor] : state) tensor = tensor.to(type);
  return {config, std::move(state)};
}

/// Every third cell of a 9 x 7 grid, and some more: holes everywhere.
at::Tensor cells_with_holes() {
  std::vector<std::int64_t> cells;
  for (std::int64_t i = 0; i < 63; ++i)
    if (i % 3 == 0 || i % 7 == 2) cells.push_back(i % 9), cells.push_back(i / 9);
  return at::tensor(cells, at::kLong).reshape({-1, 2});
}

at::Tensor bag_for(const at::Tensor& cells, at::ScalarType type = at::kFloat) {
  at::manual_seed(6);
  return at::randn({cells.size(0), 12}, type);
}

TEST(SlideTransformer, TheOrderOfPatchesAndTheOriginOfTheGridDoNotMatter) {
  const SlideTransformer model = make();
  const at::Tensor cells = cells_with_holes(), bag = bag_for(cells);
  const MilOutput plain = model.forward(bag, cells);
  const at::Tensor order = at::randperm(cells.size(0), at::kLong);
  const MilOutput shuffled = model.forward(bag.index_select(0, order), cells.index_select(0, order));
  EXPECT_LE((plain.bag_logits - shuffled.bag_logits).abs().max().item<double>(), 1e-5);
  EXPECT_LE((plain.attn_raw.index_select(1, order) - shuffled.attn_raw).abs().max().item<double>(), 1e-5);
  EXPECT_TRUE(at::equal(model.forward(bag, cells + 1000).bag_logits, plain.bag_logits));
}

TEST(SlideTransformer, WherePatchesLieMattersToBothKindsOfLayers) {
  for (const char* layers : {"l", "g"}) {
    const SlideTransformer model = make(small_config(layers));
    const at::Tensor cells = cells_with_holes(), bag = bag_for(cells);
    const at::Tensor moved = model.forward(bag, cells * at::tensor({2, 3}, at::kLong)).bag_logits;
    EXPECT_GT((moved - model.forward(bag, cells).bag_logits).abs().max().item<double>(), 1e-5) << layers;
  }
  const SlideTransformer pooling = make(small_config(""));
  const at::Tensor cells = cells_with_holes(), bag = bag_for(cells);
  EXPECT_TRUE(at::equal(pooling.forward(bag, cells * 2).bag_logits, pooling.forward(bag, cells).bag_logits));
}

/// A patch out of every window changes no other patch's score in a local layer.
TEST(SlideTransformer, ALocalLayerSeesItsWindowAndNothingElse) {
  const SlideTransformer model = make(small_config("l"));
  const at::Tensor cells = at::tensor({0, 0, 1, 0, 0, 1, 8, 8}, at::kLong).reshape({4, 2});
  const at::Tensor bag = bag_for(cells), changed = bag.clone();
  changed[3].mul_(5);
  const at::Tensor before = model.forward(bag, cells).attn_raw, after = model.forward(changed, cells).attn_raw;
  EXPECT_TRUE(at::equal(before.slice(1, 0, 3), after.slice(1, 0, 3)));
  EXPECT_FALSE(at::equal(before.slice(1, 3), after.slice(1, 3)));
}

TEST(SlideTransformer, OnePatchAndOneRowOfPatchesAreFine) {
  const SlideTransformer model = make();
  for (const std::int64_t n : {1, 2, 5}) {
    const at::Tensor cells = at::stack({at::arange(n), at::zeros({n}, at::kLong)}, 1);
    const MilOutput output = model.forward(bag_for(cells), cells);
    EXPECT_TRUE(output.bag_logits.isfinite().all().item<bool>()) << n;
    EXPECT_LE((output.attn_softmax.sum(1) - 1).abs().max().item<double>(), 1e-6);
  }
}

TEST(SlideTransformer, GradientsAgreeWithFiniteDifferencesInDouble) {
  const SlideTransformer model = make(small_config(), at::kDouble);
  const at::Tensor cells = cells_with_holes(), bag = bag_for(cells, at::kDouble),
                   label = at::scalar_tensor(1, at::kLong);
  for (const auto& [name, tensor] : model.state()) tensor.requires_grad_(true);
  const auto value = [&] { return mil_loss(model.forward(bag, cells), label, {.aem_lambda = 0.2}).total; };
  value().backward();
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : model.state()) {
    const at::Tensor gradient = tensor.grad().flatten();
    for (const std::int64_t i : {std::int64_t{0}, tensor.numel() - 1})
      EXPECT_NEAR(slope_at(tensor, i, value), gradient[i].item<double>(), 1e-6) << name;
  }
}

TEST(SlideTransformer, CellsComeFromCoordinates) {
  const at::Tensor coords = at::tensor({5000, 700, 5512, 700, 5000, 1724}, at::kLong).reshape({3, 2});
  EXPECT_TRUE(at::equal(grid_cells(coords, 512), at::tensor({0, 0, 1, 0, 0, 2}, at::kLong).reshape({3, 2})));
  expect_error(fovea::ErrorCode::kShape, [&] { grid_cells(coords, 0); });
}

/// CLAM starts a grid at every piece of tissue: two grids that are not aligned share no cell after halving.
TEST(SlideTransformer, TheStepIsFoundAndGridsThatAreNotAlignedAreTold) {
  const at::Tensor coords = at::tensor({5000, 700, 5512, 700, 5000, 1212, 5512, 1212}, at::kLong).reshape({4, 2});
  EXPECT_TRUE(at::equal(grid_cells(coords), grid_cells(coords, 512)));
  const at::Tensor two = at::cat({coords, coords + 300});
  const at::Tensor cells = grid_cells(two);
  EXPECT_EQ(std::get<0>(at::unique_dim(cells, 0)).size(0), 8);
  EXPECT_EQ(grid_cells(coords.slice(0, 0, 1)).sum().item<std::int64_t>(), 0);
  const at::Tensor diagonal = at::tensor({0, 0, 700, 900}, at::kLong).reshape({2, 2});
  EXPECT_LE(grid_cells(diagonal).max().item<std::int64_t>(), 1);
  EXPECT_EQ(folded_cells(5).max().item<std::int64_t>(), 2);
}

TEST(SlideTransformer, TheRegistrysModelReadsPlacesAndItsLayersStandInTheNames) {
  const MilRow& row = mil_model("slide_transformer");
  for (const std::string variant : {"lg7", "l3", "5", "llllllllllllg9"}) {
    MilConfig config{"slide_transformer", 12, 16, 8, 2, 3};
    config.variant = variant;
    config = row.completed(config);
    const auto model = row.make(config, random_state(row.specs(config), 1));
    const auto found = row.recognise(model->state());
    ASSERT_TRUE(found) << variant;
    // Without layers there is no window to find.
    EXPECT_EQ(found->variant, variant == "lg7" ? "" : variant == "5" ? "7" : variant);
    const at::Tensor cells = cells_with_holes(), bag = bag_for(cells);
    MilStep step;
    step.coords = cells * 256 + 77;
    const at::Tensor placed = model->forward(bag, step).bag_logits;
    EXPECT_EQ(at::equal(model->forward(bag).bag_logits, placed), variant == "5") << variant;
    const auto stream = model->stream();
    for (std::int64_t i = 0; i < bag.size(0); i += 5)
      stream->push_at(bag.slice(0, i, i + 5), step.coords.slice(0, i, i + 5));
    EXPECT_TRUE(at::equal(stream->finish().bag_logits, placed)) << variant;
  }
  for (const char* variant : {"lx7", "lg", "7lg", "lg99999"})
    expect_error(fovea::ErrorCode::kUsage, [&] { with_variant({}, variant); });
}

TEST(SlideTransformer, WhatDoesNotFitIsRefused) {
  const SlideTransformer model = make();
  const at::Tensor cells = cells_with_holes(), bag = bag_for(cells);
  const auto refused = [](const std::function<void()>& act) { expect_error(fovea::ErrorCode::kShape, act); };
  refused([&] { model.forward(bag.slice(1, 0, 11), cells); });
  refused([&] { model.forward(bag, cells.slice(0, 1)); });
  refused([&] { model.forward(bag, at::zeros_like(cells)); });
  refused([&] { model.forward(bag, cells * 100000); });
  refused([&] { model.forward(bag.slice(0, 0, 0), cells.slice(0, 0, 0)); });
  SlideTransformerConfig config = small_config();
  config.inner = 20;
  expect_error(fovea::ErrorCode::kUsage, [&] { make(config); });
  expect_error(fovea::ErrorCode::kUsage, [&] { make(small_config("x")); });
}

}  // namespace
