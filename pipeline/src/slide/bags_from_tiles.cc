// Bags composed from labelled tile pictures: how the demo's weights are made from 60 real tiles.
#include <algorithm>
#include <cmath>
#include <map>

#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include <fovea/base/error.h>
#include <fovea/io/image.h>

#include "slide/csv_table.h"
#include "slide/random_source.h"
#include "slide/read_plan.h"
#include "slide/training_bags.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

constexpr std::int64_t kEncodeBatch = 16;
constexpr double kMixShare = 0.25;  // of variants that are part glass, as tiles at a tissue border are

struct Tile {
  std::string label;
  io::Image picture;  // at the target scale
  bool validation = false;
};

/// All variants of one label's tiles: rows of features.
struct Part {
  std::map<std::string, std::vector<at::Tensor>> by_label;  // [variants, D] for each tile
};

std::vector<Tile> read_tiles(const TrainOptions& options, double target_mpp) {
  std::vector<Tile> tiles;
  for (const CsvRow& row : read_csv(options.tiles, {"id", "label"})) {
    const io::Image picture = io::read_image(options.tiles.parent_path() / "tiles" / (row.at("id") + ".png"));
    if (picture.channels != 3)
      throw Error(ErrorCode::kUnsupported, row.at("id") + ".png", "the tile is not an RGB picture",
                  "Convert it to 8-bit RGB.");
    const auto edge = [&](int pixels) {
      return std::max(8, static_cast<int>(rounded_px(pixels * options.tile_mpp / target_mpp)));
    };
    tiles.push_back({row.at("label"), io::resize(picture, edge(picture.width), edge(picture.height))});
  }
  return tiles;
}

/// A seeded share of the tiles of every label, at least one where there are two.
void split(std::vector<Tile>& tiles, const TrainOptions& options) {
  std::map<std::string, std::vector<std::size_t>> by_label;
  for (std::size_t i = 0; i < tiles.size(); ++i) by_label[tiles[i].label].push_back(i);
  RandomSource random(static_cast<std::uint64_t>(options.seed) + 1);
  for (auto& [label, indices] : by_label) {
    random.shuffle(indices);
    auto count = static_cast<std::size_t>(std::lround(static_cast<double>(indices.size()) * options.validation_share));
    if (options.validation_share > 0)
      count = std::clamp<std::size_t>(count, indices.size() > 1 ? 1 : 0, indices.size() - 1);
    for (std::size_t i = 0; i < count; ++i) tiles[indices[i]].validation = true;
  }
}

int reflected(std::int64_t position, int size) {
  const std::int64_t period = 2 * static_cast<std::int64_t>(size);
  const std::int64_t inside = ((position % period) + period) % period;
  return static_cast<int>(inside < size ? inside : period - 1 - inside);
}

/// A window of edge x edge pixels on the endlessly reflected tile, flipped and turned: the tile's texture at its true
/// scale fills the encoder's field of view without a seam and without magnification.
void place(const io::Image& tile, std::int64_t edge, RandomSource& random, std::uint8_t* out) {
  const bool flip = random.uniform() < 0.5, transpose = random.uniform() < 0.5;
  const std::int64_t shift_x = random.whole(0, 2 * tile.width - 1), shift_y = random.whole(0, 2 * tile.height - 1);
  for (std::int64_t y = 0; y < edge; ++y) {
    for (std::int64_t x = 0; x < edge; ++x) {
      const std::int64_t u = transpose ? y : x, v = transpose ? x : y;
      const std::uint8_t* pixel =
          tile.at(reflected((flip ? -1 - u : u) + shift_x, tile.width), reflected(v + shift_y, tile.height));
      std::copy_n(pixel, 3, out + 3 * (y * edge + x));
    }
  }
}

/// Stain strength differs between laboratories: scale the optical density of each channel a little.
void recolour(std::uint8_t* pixels, std::int64_t count, RandomSource& random) {
  std::array<std::array<std::uint8_t, 256>, 3> table{};
  const double strength = random.uniform(0.75, 1.25);
  for (auto& channel : table) {
    const double factor = strength * random.uniform(0.85, 1.15);
    for (int i = 0; i < 256; ++i)
      channel[i] = static_cast<std::uint8_t>(std::lround(255 * std::pow(std::max(i, 1) / 255.0, factor)));
  }
  for (std::int64_t i = 0; i < 3 * count; ++i) pixels[i] = table[i % 3][pixels[i]];
}

/// Up to half of the window becomes glass, along a straight border in one of four directions.
void mix_in_glass(std::uint8_t* pixels, const std::uint8_t* glass, std::int64_t edge, RandomSource& random) {
  const std::int64_t depth = random.whole(edge / 8, edge / 2), side = random.whole(0, 3);
  for (std::int64_t y = 0; y < edge; ++y)
    for (std::int64_t x = 0; x < edge; ++x) {
      const std::int64_t distance = side == 0 ? x : side == 1 ? edge - 1 - x : side == 2 ? y : edge - 1 - y;
      if (distance < depth) std::copy_n(glass + 3 * (y * edge + x), 3, pixels + 3 * (y * edge + x));
    }
}

/// [variants, D]
at::Tensor encode_variants(const Tile& tile, const Tile* glass, const models::TileEncoder& encoder,
                           std::int64_t variants, RandomSource& random) {
  const std::int64_t edge = encoder.info().tile_px;
  at::Tensor features = at::empty({variants, encoder.info().dim}, at::kFloat);
  std::vector<std::uint8_t> glass_pixels(static_cast<std::size_t>(3 * edge * edge));
  for (std::int64_t begin = 0; begin < variants; begin += kEncodeBatch) {
    const std::int64_t end = std::min(variants, begin + kEncodeBatch);
    at::Tensor pictures = at::empty({end - begin, edge, edge, 3}, at::kByte);
    for (std::int64_t i = 0; i < end - begin; ++i) {
      std::uint8_t* pixels = pictures.mutable_data_ptr<std::uint8_t>() + i * 3 * edge * edge;
      place(tile.picture, edge, random, pixels);
      if (glass && random.uniform() < kMixShare) {
        place(glass->picture, edge, random, glass_pixels.data());
        mix_in_glass(pixels, glass_pixels.data(), edge, random);
      }
      recolour(pixels, edge * edge, random);
    }
    features.slice(0, begin, end).copy_(encoder.encode(pictures));
  }
  return features;
}

/// Tiles of one label stand for glass when they hardly absorb light.
const Tile* glass_of(const std::vector<Tile>& tiles, bool validation) {
  const Tile* brightest = nullptr;
  double best = 0;
  for (const Tile& tile : tiles) {
    if (tile.validation != validation) continue;
    double sum = 0;
    for (const std::uint8_t value : tile.picture.pixels) sum += value;
    const double mean = sum / static_cast<double>(tile.picture.pixels.size());
    if (mean > best) best = mean, brightest = &tile;
  }
  return best > 215 ? brightest : nullptr;
}

class Composer {
 public:
  Composer(Part part, const TrainOptions& options, std::uint64_t seed)
      : part_(std::move(part)), options_(options), seed_(seed) {}

  /// The same bag for the same index. Even indices are negative, odd positive. As on slides, a few tissue kinds
  /// dominate a bag.
  LabelledBag operator()(std::int64_t index) const {
    RandomSource random(seed_ * 1'000'003 + static_cast<std::uint64_t>(index));
    const bool positive = index % 2 == 1;
    const std::int64_t size = random.whole(options_.bag_min, options_.bag_max);
    const auto evidence =
        positive ? std::max<std::int64_t>(1, rounded_px(static_cast<double>(size) * random.uniform(0.05, 0.4))) : 0;
    const std::vector<std::pair<const std::vector<at::Tensor>*, double>> others = tissue_shares(random);
    LabelledBag bag{{}, positive ? 1 : 0, {}};
    std::vector<at::Tensor> rows;
    for (std::int64_t i = 0; i < size; ++i) {
      const bool shows = i < evidence;
      rows.push_back(draw(shows ? *positives(random) : *pick(others, random), random));
      bag.evidence.push_back(shows);
    }
    bag.rows = at::stack(rows);
    return bag;
  }

 private:
  using Tiles = std::vector<at::Tensor>;

  const Tiles* positives(RandomSource& random) const {
    std::vector<const Tiles*> all;
    for (const auto& [label, tiles] : part_.by_label)
      if (options_.positive.contains(label)) all.push_back(&tiles);
    return all[static_cast<std::size_t>(random.whole(0, static_cast<std::int64_t>(all.size()) - 1))];
  }
  std::vector<std::pair<const Tiles*, double>> tissue_shares(RandomSource& random) const {
    std::vector<std::pair<const Tiles*, double>> shares;
    double total = 0;
    for (const auto& [label, tiles] : part_.by_label) {
      if (options_.positive.contains(label)) continue;
      const double weight = std::pow(random.uniform(), 3);
      total += weight;
      shares.emplace_back(&tiles, total);
    }
    for (auto& share : shares) share.second /= total;
    return shares;
  }
  static const Tiles* pick(const std::vector<std::pair<const Tiles*, double>>& shares, RandomSource& random) {
    const double at = random.uniform();
    for (const auto& [tiles, until] : shares)
      if (at < until) return tiles;
    return shares.back().first;
  }
  static at::Tensor draw(const Tiles& tiles, RandomSource& random) {
    const at::Tensor& variants =
        tiles[static_cast<std::size_t>(random.whole(0, static_cast<std::int64_t>(tiles.size()) - 1))];
    return variants[random.whole(0, variants.size(0) - 1)];
  }

  Part part_;
  TrainOptions options_;
  std::uint64_t seed_;
};

void check_labels(const Part& part, const TrainOptions& options, const char* which) {
  bool positive = false, negative = false;
  for (const auto& [label, tiles] : part.by_label) (options.positive.contains(label) ? positive : negative) = true;
  if (!positive || !negative)
    throw Error(ErrorCode::kUsage, options.tiles.filename().string(),
                std::string("the ") + which + " tiles lack " +
                    (positive ? "any other label than --positive" : "the label given with --positive"),
                "Correct --positive or --validation-share.");
}

}  // namespace

TrainingBags bags_from_tiles(const TrainOptions& options, const models::TileEncoder& encoder,
                             const TrainingProgress& progress) {
  const double target_mpp = options.target_mpp > 0 ? options.target_mpp : encoder.info().mpp;
  std::vector<Tile> tiles = read_tiles(options, target_mpp);
  split(tiles, options);
  Part train, validation;
  std::size_t train_tiles = 0;
  RandomSource random(static_cast<std::uint64_t>(options.seed) + 2);
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const Tile* glass = glass_of(tiles, tiles[i].validation);
    const at::Tensor features = encode_variants(tiles[i], glass, encoder, options.variants, random);
    (tiles[i].validation ? validation : train).by_label[tiles[i].label].push_back(features);
    train_tiles += !tiles[i].validation;
    progress(static_cast<double>(i + 1) / static_cast<double>(tiles.size()));
  }
  check_labels(train, options, "training");
  TrainingBags bags;
  bags.features = encoder.info().dim;
  bags.labels = options.labels.empty() ? std::vector<std::string>{"negative", "positive"} : options.labels;
  bags.encoder = encoder.info().name, bags.mpp = target_mpp, bags.tile_px = encoder.info().tile_px;
  bags.card = {"Bags of " + std::to_string(options.bag_min) + " to " + std::to_string(options.bag_max) +
                   " tiles were composed from " + std::to_string(train_tiles) +
                   " labelled tile pictures for training (" + std::to_string(options.train_bags) + " bags) and " +
                   std::to_string(tiles.size() - train_tiles) + " other tiles for validation (" +
                   std::to_string(options.validation_bags) + " bags).",
               "Tiles were resampled from " + number_text(options.tile_mpp) + " to " + number_text(target_mpp) +
                   " um/px, reflected to fill " + std::to_string(encoder.info().tile_px) +
                   " px, flipped, turned, shifted, recoloured and partly mixed with glass (" +
                   std::to_string(options.variants) + " variants a tile)."};
  const auto seed = static_cast<std::uint64_t>(options.seed);
  bags.train = {options.train_bags, Composer(std::move(train), options, 2 * seed + 11)};
  if (options.validation_share > 0 && options.validation_bags > 0) {
    check_labels(validation, options, "validation");
    bags.validation = {options.validation_bags, Composer(std::move(validation), options, 2 * seed + 12)};
  }
  return bags;
}

}  // namespace fovea::pipeline::slide
