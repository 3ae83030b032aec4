#include "slide/tiles_options.h"

#include <set>
#include <span>

#include <fovea/base/error.h>
#include <fovea/io/hash.h>

#include "problems.h"
#include "slide/read_plan.h"

namespace fovea::pipeline::slide {
namespace {

constexpr std::size_t kSettingsDigits = 16;

void add_main(std::vector<Parameter>& p) {
  using T = ParameterType;
  p.push_back({.name = "slides",
               .type = T::kFileList,
               .help = "Whole-slide images: files, folders of one DICOM slide, or folders of slides",
               .positional = true});
  p.push_back({.name = "list",
               .type = T::kFile,
               .help = "CSV instead: columns path and/or slide_id, optional mpp (of the slide), case_id, label"});
  p.push_back({.name = "out",
               .type = T::kOutputFolder,
               .help = "Folder for the results; made if it does not exist",
               .required = true});
  p.push_back({.name = "format",
               .type = T::kChoice,
               .help =
                   "Whose folders and files: CLAM's (patches, masks, process_list_autogen.csv), TRIDENT's "
                   "(20x_256px_0px_overlap/patches, contours, contours_geojson) or ours (patches, tissue, previews)",
               .fallback = std::string("fovea"),
               .choices = {"fovea", "clam", "trident"}});
  p.push_back({.name = "read-tiles",
               .type = T::kFlag,
               .help = "Read every tile, as an encoder would; those that cannot be read are left out and counted",
               .fallback = false,
               .group = "Tiles"});
  p.push_back({.name = "no-previews",
               .type = T::kFlag,
               .help = "Leave out the picture of each slide with its tissue and tiles",
               .fallback = false});
  p.push_back({.name = "overwrite",
               .type = T::kFlag,
               .help = "Do slides again whose coordinates are there with the same settings",
               .fallback = false});
}

void add_run(std::vector<Parameter>& p) {
  using T = ParameterType;
  p.push_back({.name = "isolate",
               .type = T::kChoice,
               .help = "Read slides in helper processes, so that a damaged one that crashes its decoder does not stop "
                       "the run; auto: when there is more than one slide",
               .fallback = std::string("auto"),
               .choices = {"auto", "on", "off"},
               .group = "Computing"});
  p.push_back({.name = "threads",
               .type = T::kInteger,
               .help = "Processor threads; 0 = all",
               .fallback = std::int64_t{0},
               .group = "Computing"});
}

std::string settings_of(const JobValues& values) {
  JobRequest decisive = values.request();
  for (const char* name : {"slides", "list", "out", "no-previews", "overwrite", "isolate", "threads"})
    decisive.values.erase(name);
  const std::string text = to_json(decisive);
  return io::sha256(std::as_bytes(std::span(text))).substr(0, kSettingsDigits);
}

}  // namespace

std::vector<Parameter> tiles_parameters() {
  std::vector<Parameter> parameters;
  add_main(parameters);
  add_list_tile_parameters(parameters, "0.5 um/px, 256 px");
  add_tissue_parameters(parameters);
  add_run(parameters);
  return parameters;
}

TilesOptions tiles_options(const JobValues& values) {
  std::vector<std::string> problems;
  TilesOptions o;
  o.slides = values.list("slides"), o.list = values.text("list"), o.out = values.text("out");
  if (o.slides.empty() == o.list.empty()) problems.emplace_back("give either slides or --list");
  o.format = values.text("format") == "clam"      ? TilesFormat::kClam
             : values.text("format") == "trident" ? TilesFormat::kTrident
                                                  : TilesFormat::kFovea;
  o.tiles = list_tile_choice(values, problems);
  o.target_mpp = o.tiles.target_mpp.value_or(o.target_mpp), o.tile_px = o.tiles.tile_px.value_or(o.tile_px);
  o.threads = values.integer("threads");
  if (o.threads < 0 || o.threads > 1024) problems.emplace_back("--threads must lie between 0 and 1024");
  o.read_tiles = values.flag("read-tiles"), o.preview = !values.flag("no-previews");
  o.overwrite = values.flag("overwrite"), o.isolate = values.text("isolate");
  refuse_problems(problems, "slide tiles");
  o.overlap_px = parse_overlap(o.tiles.overlap, o.tile_px);
  o.guards = parse_guards(values.text("guards"));
  o.settings = settings_of(values);
  return o;
}

}  // namespace fovea::pipeline::slide
