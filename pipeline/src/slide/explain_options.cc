#include "slide/explain_options.h"

#include <fovea/base/error.h>

namespace fovea::pipeline::slide {

std::vector<Parameter> explain_parameters() {
  return {
      {.name = "features", .type = ParameterType::kFile, .help = "Feature bag of one slide", .required = true},
      {.name = "model", .type = ParameterType::kFile, .help = "Trained or imported MIL model", .required = true},
      {.name = "out", .type = ParameterType::kOutputFolder, .help = "Folder for the results", .required = true},
      {.name = "key", .type = ParameterType::kText, .help = "Which bag of a file with many"},
      {.name = "slide",
       .type = ParameterType::kFile,
       .help = "The slide itself, for pictures of tissue and the gallery; not needed for anything else"},
      {.name = "mpp",
       .type = ParameterType::kNumber,
       .help = "Micrometres per level-0 pixel, when the slide does not tell"},
      {.name = "target", .type = ParameterType::kText, .help = "Class to explain; the predicted one unless given"},
      {.name = "scale",
       .type = ParameterType::kChoice,
       .help = "percentile rank, min to max, or the authors' attention x N x zoom cut at 1 (in jet)",
       .fallback = std::string("percentile"),
       .choices = {"percentile", "minmax", "authors"}},
      {.name = "zoom", .type = ParameterType::kNumber, .help = "Factor of the authors' scale", .fallback = 1.0},
      {.name = "heatmap",
       .type = ParameterType::kChoice,
       .help = "Colours; jet with the authors' scale unless given",
       .fallback = std::string("viridis"),
       .choices = {"viridis", "magma", "cividis", "coolwarm", "jet"}},
      {.name = "alpha", .type = ParameterType::kNumber, .help = "Opacity of the colours, 0 to 1", .fallback = 0.4},
      {.name = "top", .type = ParameterType::kInteger, .help = "Tiles in the gallery", .fallback = std::int64_t{15}},
      {.name = "random-orders",
       .type = ParameterType::kInteger,
       .help = "Random orders beside the deletion and insertion curves",
       .fallback = std::int64_t{3}},
      {.name = "seed",
       .type = ParameterType::kInteger,
       .help = "Of random orders and UMAP",
       .fallback = std::int64_t{0}},
      {.name = "embedding",
       .type = ParameterType::kChoice,
       .help = "Picture of the instances in two dimensions",
       .fallback = std::string("umap"),
       .choices = {"umap", "pca", "none"}},
      {.name = "any-encoder",
       .type = ParameterType::kFlag,
       .help = "Accept features whose encoder has another name than the model's",
       .fallback = false},
      {.name = "threads",
       .type = ParameterType::kInteger,
       .help = "Processor threads, 0: all",
       .fallback = std::int64_t{0}},
  };
}

ExplainOptions explain_options(const JobValues& values) {
  ExplainOptions options;
  options.features = values.text("features"), options.model = values.text("model");
  options.slide = values.text("slide"), options.out = values.text("out");
  if (values.given("key")) options.features_key = values.text("key");
  if (values.given("mpp")) options.mpp = values.number("mpp");
  options.target = values.text("target");
  const bool authors = values.text("scale") == "authors";
  options.scale = authors ? "raw" : values.text("scale");
  options.heatmap.colour_map = authors && !values.given("heatmap") ? "jet" : values.text("heatmap");
  options.heatmap.alpha = values.number("alpha"), options.zoom = values.number("zoom");
  options.top = values.integer("top"), options.random_orders = values.integer("random-orders");
  options.seed = static_cast<std::uint64_t>(values.integer("seed")), options.embedding = values.text("embedding");
  options.any_encoder = values.flag("any-encoder"), options.threads = values.integer("threads");
  std::string problems;
  const auto check = [&](bool good, const char* problem) {
    if (!good) problems += (problems.empty() ? "" : "; ") + std::string(problem);
  };
  check(options.heatmap.alpha >= 0 && options.heatmap.alpha <= 1, "--alpha lies between 0 and 1");
  check(options.zoom > 0, "--zoom is positive");
  check(options.top >= 0 && options.top <= 1000, "--top lies between 0 and 1000");
  check(options.random_orders >= 0 && options.random_orders <= 100, "--random-orders lies between 0 and 100");
  check(!options.mpp || *options.mpp > 0, "--mpp is positive");
  if (!problems.empty())
    throw Error(ErrorCode::kUsage, "fovea slide explain", problems, "See fovea slide explain --help.");
  return options;
}

}  // namespace fovea::pipeline::slide
