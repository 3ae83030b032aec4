// The options of `slide train`: their table, and the checked values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <fovea/models/train.h>
#include <fovea/pipeline/job.h>

namespace fovea::pipeline::slide {

struct TrainOptions {
  std::filesystem::path bags, labels_csv, tiles, out, card;
  std::string data_note;
  std::string architecture, encoder;
  std::int64_t inner = 0, attention = 0, branches = 5;  ///< 0: the architecture's own
  std::int64_t epochs = 30, seed = 0, threads = 0;
  double learning_rate = 1e-4, weight_decay = 1e-5, validation_share = 0.3;
  models::MilRecipe recipe;
  std::vector<std::string> labels;
  // Bags from tiles
  std::set<std::string> positive;  ///< tile labels that make a bag positive
  std::int64_t train_bags = 0, validation_bags = 0, bag_min = 0, bag_max = 0, variants = 0;
  double tile_mpp = 0, target_mpp = 0;  ///< 0: the encoder's
};

std::vector<Parameter> train_parameters();
TrainOptions train_options(const JobValues& values);

}  // namespace fovea::pipeline::slide
