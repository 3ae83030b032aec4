#include "slide/train_options.h"

#include <fovea/base/error.h>

namespace fovea::pipeline::slide {

std::vector<Parameter> train_parameters() {
  using T = ParameterType;
  const std::string tiles = "Bags from tiles", training = "Training";
  std::vector<Parameter> p;
  p.push_back({"bags", T::kFile, "Feature bags: a folder with one file a slide, or an HDF5 file with one group a slide",
               std::string{}});
  p.push_back(
      {"labels-csv", T::kFile,
       "CSV with columns slide_id and label, optionally case_id (never split over parts) and split (train, val, test)",
       std::string{}});
  p.push_back({"tiles", T::kFile,
               "CSV with columns id and label of tile pictures tiles/<id>.png beside it: bags are composed from them",
               std::string{}});
  p.push_back({"out", T::kOutputFile, "The trained model (safetensors)", std::string{}, true});
  p.push_back({"card", T::kOutputFile, "Also write a model card (Markdown)", std::string{}});
  p.push_back({"data-note", T::kText, "A sentence for the model card: where the data come from and their licence",
               std::string{}});
  p.push_back(
      {"labels", T::kTextList, "Names of the classes, in the order of their indices", std::vector<std::string>{}});
  p.push_back({"encoder", T::kText, "Tile encoder for --tiles: a name of fovea encoders or a weight file",
               std::string("efficientnet_lite0")});

  p.push_back(
      {"architecture", T::kChoice, "Network", std::string("acmil_ga"), false, false, {"acmil_ga", "abmil"}, training});
  p.push_back({"inner",
               T::kInteger,
               "Width after dimension reduction; 0 = half the feature width",
               std::int64_t{0},
               false,
               false,
               {},
               training});
  p.push_back(
      {"attention", T::kInteger, "Width of the attention layer", std::int64_t{128}, false, false, {}, training});
  p.push_back({"branches", T::kInteger, "Attention branches of ACMIL", std::int64_t{5}, false, false, {}, training});
  p.push_back({"epochs", T::kInteger, "Passes over the training bags", std::int64_t{30}, false, false, {}, training});
  p.push_back(
      {"lr", T::kNumber, "Learning rate at the start; falls to 0 on a half cosine", 1e-4, false, false, {}, training});
  p.push_back({"weight-decay", T::kNumber, "Weight decay of AdamW", 1e-5, false, false, {}, training});
  p.push_back({"aem-lambda",
               T::kNumber,
               "Weight of the attention entropy loss (AEM); 0 = off",
               0.0,
               false,
               false,
               {},
               training});
  p.push_back({"validation-share",
               T::kNumber,
               "Share of the slides or tiles kept out for validation",
               0.3,
               false,
               false,
               {},
               training});
  p.push_back({"seed", T::kInteger, "Seed of everything random", std::int64_t{0}, false, false, {}, training});
  p.push_back({"threads", T::kInteger, "Processor threads; 0 = all", std::int64_t{0}, false, false, {}, training});

  p.push_back({"positive",
               T::kTextList,
               "Tile labels that make a bag positive (class 1); a bag without them is class 0",
               std::vector<std::string>{"0"},
               false,
               false,
               {},
               tiles});
  p.push_back({"train-bags", T::kInteger, "Bags to compose for training", std::int64_t{240}, false, false, {}, tiles});
  p.push_back({"validation-bags",
               T::kInteger,
               "Bags to compose for validation, from tiles that training never sees",
               std::int64_t{120},
               false,
               false,
               {},
               tiles});
  p.push_back({"bag-min", T::kInteger, "Fewest tiles in a bag", std::int64_t{60}, false, false, {}, tiles});
  p.push_back({"bag-max", T::kInteger, "Most tiles in a bag", std::int64_t{120}, false, false, {}, tiles});
  p.push_back({"variants",
               T::kInteger,
               "Flipped, rotated, shifted and recoloured variants of each tile",
               std::int64_t{24},
               false,
               false,
               {},
               tiles});
  p.push_back(
      {"tile-mpp", T::kNumber, "Scale of the tile pictures in micrometres per pixel", {}, false, false, {}, tiles});
  p.push_back({"target-mpp",
               T::kNumber,
               "Scale at which they are encoded in micrometres per pixel (default: the encoder's)",
               {},
               false,
               false,
               {},
               tiles});
  return p;
}

TrainOptions train_options(const JobValues& values) {
  TrainOptions o;
  o.bags = values.text("bags"), o.labels_csv = values.text("labels-csv"), o.tiles = values.text("tiles");
  o.out = values.text("out"), o.card = values.text("card"), o.data_note = values.text("data-note");
  o.architecture = values.text("architecture"), o.encoder = values.text("encoder"), o.labels = values.list("labels");
  o.inner = values.integer("inner"), o.attention = values.integer("attention");
  o.branches = o.architecture == "abmil" ? 1 : values.integer("branches");
  o.epochs = values.integer("epochs"), o.seed = values.integer("seed"), o.threads = values.integer("threads");
  o.learning_rate = values.number("lr"), o.weight_decay = values.number("weight-decay"),
  o.aem_lambda = values.number("aem-lambda");
  o.validation_share = values.number("validation-share");
  o.positive = {values.list("positive").begin(), values.list("positive").end()};
  o.train_bags = values.integer("train-bags"), o.validation_bags = values.integer("validation-bags");
  o.bag_min = values.integer("bag-min"), o.bag_max = values.integer("bag-max"), o.variants = values.integer("variants");
  o.tile_mpp = values.number("tile-mpp"), o.target_mpp = values.number("target-mpp");

  std::vector<std::string> problems;
  if (o.bags.empty() == o.tiles.empty()) problems.push_back("give either --bags or --tiles");
  if (!o.tiles.empty() && !(o.tile_mpp > 0)) problems.push_back("--tiles needs --tile-mpp, the scale of the pictures");
  if (!o.tiles.empty() && !o.labels.empty() && o.labels.size() != 2)
    problems.push_back("--tiles makes two classes: pass two --labels");
  if (o.inner < 0 || o.attention < 1 || o.branches < 1)
    problems.push_back("--inner, --attention and --branches must be positive");
  if (o.epochs < 1) problems.push_back("--epochs must be at least 1");
  if (!(o.learning_rate > 0)) problems.push_back("--lr must be above 0");
  if (!(o.weight_decay >= 0) || !(o.aem_lambda >= 0))
    problems.push_back("--weight-decay and --aem-lambda must not be negative");
  if (!(o.validation_share >= 0 && o.validation_share < 1))
    problems.push_back("--validation-share must lie between 0 and 1");
  if (o.bag_min < 2 || o.bag_max < o.bag_min) problems.push_back("--bag-min must be at least 2 and at most --bag-max");
  if (o.train_bags < 2 || o.validation_bags < 0 || o.variants < 1)
    problems.push_back("--train-bags, --validation-bags and --variants must be positive");
  std::string all;
  for (const std::string& problem : problems) all += (all.empty() ? "" : "; ") + problem;
  if (!all.empty()) throw Error(ErrorCode::kUsage, "fovea slide train", all, "See fovea slide train --help.");
  return o;
}

}  // namespace fovea::pipeline::slide
