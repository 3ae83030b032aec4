#include "slide/features_options.h"

#include <ATen/Context.h>

#include <fovea/base/error.h>

#include "problems.h"

namespace fovea::pipeline::slide {
namespace {

void add_main(std::vector<Parameter>& p) {
  using T = ParameterType;
  p.push_back({"slides", T::kFileList,
               "Whole-slide images: files, folders of one DICOM slide, or folders of slides (searched to the bottom)",
               std::vector<std::string>{}, false, true});
  p.push_back({"list", T::kFile,
               "CSV instead: columns path and/or slide_id, optional mpp (of the slide), case_id, label; relative paths "
               "count from its folder",
               std::string{}});
  p.push_back({"encoder", T::kText, "Tile encoder: a name of fovea encoders, a weight file or a folder with its config",
               std::string("efficientnet_lite0")});
  p.push_back({"out", T::kOutputFolder, "Folder for the results; made if it does not exist", std::string{}, true});
  p.push_back({"format",
               T::kChoice,
               "Folders and files of CLAM (h5_files, pt_files, patches) or of TRIDENT (20x_256px_0px_overlap/...); "
               "fovea: TRIDENT's with our attributes beside theirs (trident writes the same)",
               std::string("fovea"),
               false,
               false,
               {"fovea", "clam", "trident"}});
  p.push_back({"precision",
               T::kChoice,
               "Of the stored features; CLAM's files are always fp32",
               std::string("fp32"),
               false,
               false,
               {"fp32", "fp16"}});
  p.push_back(
      {"pt", T::kFlag, "Also write each slide's features as a .pt tensor (always fp32), as CLAM trains from", false});
  p.push_back({"coords", T::kFile,
               "Folder of coordinates made by CLAM or TRIDENT (patches/*.h5): tiles are taken from there instead of "
               "from our tissue step",
               std::string{}});
  p.push_back({"no-previews", T::kFlag, "Leave out the picture of each slide with its tissue and tiles", false});
  p.push_back({"overwrite", T::kFlag, "Do slides again that are done, and replace files of other settings", false});
}

void add_run(std::vector<Parameter>& p) {
  using T = ParameterType;
  const std::string group = "Computing";
  p.push_back({"batch", T::kInteger, "Tiles per encoder call", std::int64_t{16}, false, false, {}, group});
  p.push_back({"threads", T::kInteger, "Processor threads; 0 = all", std::int64_t{0}, false, false, {}, group});
  p.push_back({"isolate",
               T::kChoice,
               "Decode each slide in a process of its own, so that one which crashes the decoder costs no other; auto: "
               "when there are several",
               std::string("auto"),
               false,
               false,
               {"auto", "on", "off"},
               group});
  p.push_back(
      {"device", T::kChoice, "Where the encoder computes", std::string("cpu"), false, false, {"cpu", "cuda"}, group});
  p.push_back({"compute",
               T::kChoice,
               "Precision in which the encoder computes; the CPU knows fp32 alone",
               std::string("fp32"),
               false,
               false,
               {"fp32", "fp16", "bf16"},
               group});
  p.push_back({"allow-torchscript",
               T::kFlag,
               "Allow an encoder in TorchScript, which executes code that the file contains",
               false,
               false,
               false,
               {},
               group});
}

}  // namespace

std::vector<Parameter> features_parameters() {
  std::vector<Parameter> parameters;
  add_main(parameters);
  add_list_tile_parameters(parameters, "the encoder's");
  add_tissue_parameters(parameters);
  add_run(parameters);
  return parameters;
}

FeaturesOptions features_options(const JobValues& values) {
  std::vector<std::string> problems;
  FeaturesOptions o;
  o.slides = values.list("slides"), o.list = values.text("list"), o.out = values.text("out");
  o.coords = values.text("coords"), o.encoder = values.text("encoder");
  o.layout = values.text("format") == "clam" ? io::BagLayout::kClam : io::BagLayout::kTrident;
  if (values.text("precision") == "fp16") o.precision = io::ElementType::kF16;
  o.tiles = list_tile_choice(values, problems);
  o.guards = parse_guards(values.text("guards"));
  o.isolate = values.text("isolate"), o.previews = !values.flag("no-previews");
  o.batch = values.integer("batch"), o.threads = values.integer("threads");
  o.pt = values.flag("pt"), o.overwrite = values.flag("overwrite");
  if (values.text("device") == "cuda") o.placement.device = at::kCUDA;
  if (values.text("compute") == "fp16") o.placement.precision = at::kHalf;
  if (values.text("compute") == "bf16") o.placement.precision = at::kBFloat16;
  o.allow_torchscript = values.flag("allow-torchscript");
  if (o.slides.empty() == o.list.empty()) problems.push_back("give either slides or --list");
  if (o.layout == io::BagLayout::kClam && o.precision == io::ElementType::kF16)
    problems.push_back("CLAM's readers expect fp32: leave out --precision, or use another --format");
  if (o.batch < 1 || o.batch > 4096) problems.push_back("--batch must lie between 1 and 4096");
  if (o.threads < 0 || o.threads > 1024) problems.push_back("--threads must lie between 0 and 1024");
  if (!o.coords.empty() && !std::filesystem::is_directory(o.coords)) problems.push_back("--coords is not a folder");
  if (o.placement.device.is_cpu() && o.placement.precision != at::kFloat)
    problems.push_back("--compute: on the CPU encoders compute in fp32");
  if (!o.placement.device.is_cpu() && !at::hasCUDA())
    throw Error(ErrorCode::kDevice, "--device", "there is no CUDA device that this program can use",
                "Leave --device out.");
  refuse_problems(problems, "slide features");
  return o;
}

}  // namespace fovea::pipeline::slide
