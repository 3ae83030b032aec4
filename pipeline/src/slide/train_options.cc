#include "slide/train_options.h"

#include <fovea/base/error.h>

#include "problems.h"

namespace fovea::pipeline::slide {
namespace {

std::vector<std::string> architectures() {
  std::vector<std::string> names;
  for (const models::MilRow& row : models::mil_models()) names.emplace_back(row.name);
  return names;
}

/// What training does beyond the plain recipe; off unless asked for.
void add_recipe(std::vector<Parameter>& p) {
  using T = ParameterType;
  const std::string group = "Regularisation";
  const auto add = [&](const char* name, T type, const char* help, Value fallback) {
    p.push_back({name, type, help, std::move(fallback), false, false, {}, group});
  };
  add("aem-lambda", T::kNumber, "Weight of the attention entropy loss (AEM); 0 = off", 0.0);
  add("aem-top-k", T::kInteger, "Entropy of the strongest instances only; 0 = of all", std::int64_t{0});
  add("aem-anneal", T::kFlag, "Let the entropy weight fall to 0 on a cosine", false);
  add("stkim-candidates", T::kInteger, "Strongest instances of each branch that STKIM may mask; 0 = off",
      std::int64_t{0});
  add("stkim-drop", T::kNumber, "Share of them that it masks at every step", 0.6);
  add("subsample", T::kNumber, "Share of a bag's instances that a step sees", 1.0);
  add("drop-instances", T::kNumber, "Share of them left out at random besides", 0.0);
  add("dropout", T::kNumber, "Dropout where the network has it (default: as published for the network)", {});
  add("accumulate", T::kInteger, "Bags for each update; the learning rate is multiplied by it", std::int64_t{1});
  add("subtyping", T::kFlag, "CLAM: the classes exclude each other, so that all instance classifiers learn", false);
}

models::MilRecipe recipe_of(const JobValues& values) {
  models::MilRecipe recipe;
  recipe.loss.aem_lambda = values.number("aem-lambda"), recipe.loss.entropy.top_k = values.integer("aem-top-k");
  recipe.loss.subtyping = values.flag("subtyping");
  recipe.anneal_aem = values.flag("aem-anneal");
  recipe.stkim = {values.integer("stkim-candidates"), values.number("stkim-drop")};
  recipe.subsample = values.number("subsample"), recipe.drop_instances = values.number("drop-instances");
  if (values.given("dropout")) recipe.dropout = values.number("dropout");
  recipe.accumulate = values.integer("accumulate");
  return recipe;
}

void check_recipe(const models::MilRecipe& recipe, std::vector<std::string>& problems) {
  const auto share = [](double value) { return value >= 0 && value <= 1; };
  if (!(recipe.loss.aem_lambda >= 0) || recipe.loss.entropy.top_k < 0)
    problems.push_back("--aem-lambda and --aem-top-k must not be negative");
  if (recipe.stkim.n_masked < 0 || !share(recipe.stkim.mask_drop))
    problems.push_back("--stkim-candidates must not be negative, --stkim-drop must lie between 0 and 1");
  if (!share(recipe.subsample) || recipe.subsample == 0 || !share(recipe.drop_instances) || recipe.drop_instances == 1)
    problems.push_back("--subsample must be above 0 and --drop-instances below 1, both shares");
  if (recipe.dropout && !(share(*recipe.dropout) && *recipe.dropout < 1))
    problems.push_back("--dropout must lie between 0 and 1");
  if (recipe.accumulate < 1) problems.push_back("--accumulate must be at least 1");
}

}  // namespace

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
      {"architecture", T::kChoice, "Network", std::string("acmil_ga"), false, false, architectures(), training});
  p.push_back({"inner",
               T::kInteger,
               "Width after dimension reduction; 0 = the network's own (half the feature width; CLAM and TransMIL 512)",
               std::int64_t{0},
               false,
               false,
               {},
               training});
  p.push_back({"attention",
               T::kInteger,
               "Width of the attention layer; 0 = the network's own (128; CLAM 256)",
               std::int64_t{0},
               false,
               false,
               {},
               training});
  p.push_back({"branches", T::kInteger, "Attention branches of ACMIL", std::int64_t{5}, false, false, {}, training});
  p.push_back({"epochs", T::kInteger, "Passes over the training bags", std::int64_t{30}, false, false, {}, training});
  p.push_back(
      {"lr", T::kNumber, "Learning rate at the start; falls to 0 on a half cosine", 1e-4, false, false, {}, training});
  p.push_back({"weight-decay", T::kNumber, "Weight decay of AdamW", 1e-5, false, false, {}, training});
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

  add_recipe(p);
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
  o.branches = values.integer("branches");
  o.epochs = values.integer("epochs"), o.seed = values.integer("seed"), o.threads = values.integer("threads");
  o.learning_rate = values.number("lr"), o.weight_decay = values.number("weight-decay");
  o.recipe = recipe_of(values);
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
  if (o.inner < 0 || o.attention < 0 || o.branches < 1)
    problems.push_back("--inner and --attention must not be negative, --branches must be positive");
  if (o.epochs < 1) problems.push_back("--epochs must be at least 1");
  if (!(o.learning_rate > 0)) problems.push_back("--lr must be above 0");
  if (!(o.weight_decay >= 0)) problems.push_back("--weight-decay must not be negative");
  check_recipe(o.recipe, problems);
  if (!(o.validation_share >= 0 && o.validation_share < 1))
    problems.push_back("--validation-share must lie between 0 and 1");
  if (o.bag_min < 2 || o.bag_max < o.bag_min) problems.push_back("--bag-min must be at least 2 and at most --bag-max");
  if (o.train_bags < 2 || o.validation_bags < 0 || o.variants < 1)
    problems.push_back("--train-bags, --validation-bags and --variants must be positive");
  refuse_problems(problems, "slide train");
  return o;
}

}  // namespace fovea::pipeline::slide
