#include "slide/predict_options.h"

#include <charconv>

#include <fovea/base/error.h>

#include "problems.h"

namespace fovea::pipeline::slide {
namespace {

void add_main(std::vector<Parameter>& p) {
  using T = ParameterType;
  p.push_back(
      {"slide", T::kFile, "Whole-slide image: a file, or a folder of one DICOM slide", std::string{}, false, true});
  p.push_back({"model", T::kFile, "MIL model (safetensors; others through fovea model import)", std::string{}, true});
  p.push_back({"out", T::kOutputFolder, "Folder for the results; made if it does not exist", std::string{}, true});
  p.push_back({"encoder", T::kText,
               "Tile encoder: a name of fovea encoders, a folder with config.json and weights, or a weight file "
               "(default: the one the model "
               "was trained with)",
               std::string{}});
  p.push_back(
      {"features", T::kFile,
       "Start from this feature bag (HDF5 of CLAM, TRIDENT or ACMIL, .pt, .safetensors, .npy) instead of a slide",
       std::string{}});
  p.push_back({"features-key", T::kText, "Which bag of a file that holds several", std::string{}});
  p.push_back({"labels", T::kTextList, "Names of the classes in the model's order, instead of its own",
               std::vector<std::string>{}});
  p.push_back({"dump", T::kOutputFile,
               "Also write attn_raw, attn_softmax, branch_logits, bag_logits and bag_prob to this safetensors file",
               std::string{}});
  p.push_back({"keep-features", T::kFlag, "Also write the features as a bag in TRIDENT's layout (features.h5)", false});
  p.push_back(
      {"slide-name", T::kFlag,
       "Write the slide's file name into the results (names may identify patients, so it is left out otherwise)",
       false});
}

void add_live(std::vector<Parameter>& p) {
  using T = ParameterType;
  p.push_back(
      {"live",
       T::kFlag,
       "Visit tiles coarse to fine, and after 1, 2, 5, 10, 25 and 50 % of them tell the prediction so far and draw "
       "heatmap_live.png; the final result is the same",
       false,
       false,
       false,
       {},
       "Live"});
  p.push_back(
      {"stop-when-stable",
       T::kNumber,
       "End at the first of these shares at which the leading class is estimated to stay with this probability, "
       "between 0.5 and 1 (implies --live); the result then rests on the tiles seen, and says so",
       {},
       false,
       false,
       {},
       "Live"});
}

void add_picture_and_run(std::vector<Parameter>& p) {
  using T = ParameterType;
  p.push_back({"heatmap-map",
               T::kChoice,
               "Colour map",
               std::string("viridis"),
               false,
               false,
               {"viridis", "magma", "cividis", "coolwarm", "jet"},
               "Heatmap"});
  p.push_back(
      {"heatmap-alpha", T::kNumber, "Strength of the colour over the slide, 0 to 1", 0.4, false, false, {}, "Heatmap"});
  p.push_back({"heatmap-scale",
               T::kChoice,
               "What is drawn: rank among the slide's tiles, attention from its minimum to its maximum, or attention x "
               "N cut at 1",
               std::string("percentile"),
               false,
               false,
               {"percentile", "minmax", "raw"},
               "Heatmap"});
  p.push_back({"branch",
               T::kText,
               "Attention branch to draw: mean, or an index from 0",
               std::string("mean"),
               false,
               false,
               {},
               "Heatmap"});
  p.push_back({"batch", T::kInteger, "Tiles per encoder call", std::int64_t{16}, false, false, {}, "Computing"});
  p.push_back({"chunk",
               T::kInteger,
               "Rows per push into the attention stream; 0 = as they come (the result is the same for any value)",
               std::int64_t{0},
               false,
               false,
               {},
               "Computing"});
  p.push_back({"threads", T::kInteger, "Processor threads; 0 = all", std::int64_t{0}, false, false, {}, "Computing"});
  p.push_back(
      {"device", T::kChoice, "Where networks run", std::string("cpu"), false, false, {"cpu", "cuda"}, "Computing"});
  p.push_back({"allow-torchscript",
               T::kFlag,
               "Allow an encoder in TorchScript, which executes code that the file contains",
               false,
               false,
               false,
               {},
               "Computing"});
  p.push_back({"any-encoder",
               T::kFlag,
               "Allow features of another encoder than the model was trained with",
               false,
               false,
               false,
               {},
               "Computing"});
}

std::int64_t parsed_branch(const std::string& text, std::vector<std::string>& problems) {
  if (text == "mean") return -1;
  std::int64_t branch = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), branch);
  if (error != std::errc{} || end != text.data() + text.size() || branch < 0)
    problems.push_back("--branch must be 'mean' or an index from 0");
  return branch;
}

void check_ranges(const PredictOptions& o, std::vector<std::string>& problems) {
  if (o.slide.empty() == o.features.empty()) problems.push_back("give either a slide or --features");
  if (!o.features.empty() && o.keep_features) problems.push_back("--keep-features needs a slide");
  if (!(o.heatmap.alpha >= 0 && o.heatmap.alpha <= 1)) problems.push_back("--heatmap-alpha must lie between 0 and 1");
  if (o.stop_when_stable && !(*o.stop_when_stable > 0.5 && *o.stop_when_stable < 1))
    problems.push_back("--stop-when-stable must lie between 0.5 and 1");
  if (o.stop_when_stable && o.keep_features)
    problems.push_back("--keep-features needs all tiles: leave out --stop-when-stable");
  if (o.batch < 1 || o.batch > 4096) problems.push_back("--batch must lie between 1 and 4096");
  if (o.chunk < 0) problems.push_back("--chunk must not be negative");
  if (o.threads < 0 || o.threads > 1024) problems.push_back("--threads must lie between 0 and 1024");
}

}  // namespace

std::vector<Parameter> predict_parameters() {
  std::vector<Parameter> parameters;
  add_main(parameters);
  add_tile_parameters(parameters, "the model's, else the encoder's");
  add_tissue_parameters(parameters);
  add_live(parameters);
  add_picture_and_run(parameters);
  return parameters;
}

PredictOptions predict_options(const JobValues& values) {
  std::vector<std::string> problems;
  PredictOptions o;
  o.slide = values.text("slide"), o.features = values.text("features"), o.model = values.text("model");
  o.out = values.text("out"), o.dump = values.text("dump");
  if (!values.text("features-key").empty()) o.features_key = values.text("features-key");
  o.encoder = values.text("encoder"), o.tiles = tile_choice(values, problems);
  o.batch = values.integer("batch"), o.chunk = values.integer("chunk"), o.threads = values.integer("threads");
  o.heatmap = {values.text("heatmap-map"), values.number("heatmap-alpha")};
  o.heatmap_scale = values.text("heatmap-scale");
  o.branch = parsed_branch(values.text("branch"), problems);
  o.labels = values.list("labels");
  o.allow_torchscript = values.flag("allow-torchscript"), o.any_encoder = values.flag("any-encoder");
  o.keep_features = values.flag("keep-features"), o.slide_name = values.flag("slide-name");
  if (values.given("stop-when-stable")) o.stop_when_stable = values.number("stop-when-stable");
  o.live = values.flag("live") || o.stop_when_stable;
  check_ranges(o, problems);
  if (values.text("device") != "cpu")
    throw Error(ErrorCode::kDevice, "--device", "slides are computed on the CPU in this version",
                "Leave --device out.");
  refuse_problems(problems, "slide predict");
  return o;
}

}  // namespace fovea::pipeline::slide
