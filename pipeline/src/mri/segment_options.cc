#include "mri/segment_options.h"

#include <charconv>

#include <fovea/base/error.h>

#include "problems.h"

namespace fovea::pipeline::mri {
namespace {

constexpr double kGib = 1024.0 * 1024 * 1024;

std::optional<int> hex_byte(const std::string& text, std::size_t at) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 2, value, 16);
  if (error != std::errc{} || end != text.data() + at + 2) return {};
  return value;
}

void add_main(std::vector<Parameter>& p) {
  using T = ParameterType;
  p.push_back(
      {.name = "volumes",
       .type = T::kFileList,
       .help =
           "NIfTI, NRRD or MetaImage files, or DICOM folders; several are channels in the model's order, on one grid",
       .positional = true});
  p.push_back({.name = "modality",
               .type = T::kTextList,
               .help = "Instead of volumes, NAME=FILE for each modality there is (repeat it): swan=a.nii.gz. They are "
                       "registered to the first of the model's modalities",
               .fallback = std::vector<std::string>{}});
  p.push_back({.name = "alignment",
               .type = T::kChoice,
               .help = "Modalities on other grids: register moves them rigidly by their content, headers takes their "
                       "positions as they are",
               .fallback = std::string("register"),
               .choices = {"register", "headers"}});
  p.push_back({.name = "model",
               .type = T::kFile,
               .help = "Segmentation weights, a Raidionics model folder as it is, or a folder of folds or seeds",
               .required = true});
  p.push_back({.name = "out",
               .type = T::kOutputFolder,
               .help = "Folder for the results; made if it does not exist",
               .required = true});
  p.push_back({.name = "cases",
               .type = T::kFile,
               .help =
                   "Instead of volumes: a folder of volumes, or a CSV with the columns case_id and volumes (several "
                   "separated by ;), and any option of a case as a further column",
               .fallback = std::string{}});
  p.push_back({.name = "compat",
               .type = T::kChoice,
               .help = "fovea: half-pixel resizing both ways and a threshold relative to the intensity range; "
                       "raidionics: the published pipeline as it is, its faults included",
               .fallback = std::string("fovea"),
               .choices = {"fovea", "raidionics"}});
  p.push_back(
      {.name = "threshold",
       .type = T::kNumber,
       .help = "Probability from which a voxel belongs to the lesion, 0 to 1 (default: the model's, else 0.5)"});
  p.push_back({.name = "brain-mask",
               .type = T::kText,
               .help = "For models trained on the brain alone: auto (deepbet where it was fetched, else classical), "
                       "deepbet, classical, otsu, none (the head as it is), or a mask file on the volume's grid",
               .fallback = std::string("auto")});
  p.push_back({.name = "bias-correction",
               .type = T::kChoice,
               .help =
                   "N4 correction of brightness that changes slowly across the head (auto: when the model was trained "
                   "with it)",
               .fallback = std::string("auto"),
               .choices = {"auto", "on", "off"}});
  p.push_back({.name = "resample",
               .type = T::kChoice,
               .help = "first: probabilities to the native grid, then threshold (smoother); second: threshold on the "
                       "network's grid, then nearest neighbour",
               .fallback = std::string("first"),
               .choices = {"first", "second"}});
  p.push_back({.name = "plane",
               .type = T::kChoice,
               .help = "Slices that a slice-wise network looks at (auto: as acquired when slices are thick, else every "
                       "plane it was trained on, averaged)",
               .fallback = std::string("auto"),
               .choices = {"auto", "axial", "coronal", "sagittal", "all"}});
  p.push_back({.name = "folds",
               .type = T::kChoice,
               .help = "How the results of a model folder with several folds are joined (auto: as the model says, else "
                       "average; first: the first fold alone)",
               .fallback = std::string("auto"),
               .choices = {"auto", "average", "maximum", "first"}});
  p.push_back({.name = "tta",
               .type = T::kChoice,
               .help = "Test-time augmentation, joined like folds: mirror also looks at the volume with left and right "
                       "exchanged (2 runs), flips at all its mirror images (8 runs, 4 for slices of one plane)",
               .fallback = std::string("none"),
               .choices = {"none", "mirror", "flips"}});
}

void add_reading(std::vector<Parameter>& p) {
  using T = ParameterType;
  const std::string group = "Reading";
  p.push_back({.name = "series",
               .type = T::kText,
               .help = "DICOM folder with several series: part of the description, or the number in the listing",
               .fallback = std::string{},
               .group = group});
  p.push_back(
      {.name = "volume-index", .type = T::kInteger, .help = "Which 3-D volume of a 4-D file, from 0", .group = group});
  p.push_back({.name = "accept-irregular-slices",
               .type = T::kFlag,
               .help = "Resample a DICOM series with missing slices by its real positions instead of refusing it",
               .fallback = false,
               .group = group});
  p.push_back({.name = "max-memory-gb",
               .type = T::kNumber,
               .help = "Refuse volumes that would need more memory than this, before reading them",
               .fallback = 4.0,
               .group = group});
}

void add_results(std::vector<Parameter>& p) {
  using T = ParameterType;
  const std::string results = "Results", computing = "Computing";
  p.push_back({.name = "min-component-ml",
               .type = T::kNumber,
               .help = "Remove connected parts smaller than this, in ml (0 = keep all)",
               .fallback = 0.0,
               .group = results});
  p.push_back({.name = "below-size-mm3",
               .type = T::kNumber,
               .help = "Mark lesions smaller than this in the report, in mm3; they are not removed",
               .fallback = 100.0,
               .group = results});
  p.push_back(
      {.name = "dicom-seg",
       .type = T::kOutputFile,
       .help = "Also write a DICOM SEG (.dcm) of the same patient and study; the first volume is a DICOM series",
       .fallback = std::string{},
       .group = results});
  p.push_back({.name = "pseudonym",
               .type = T::kText,
               .help = "Your own text for the heading of report.html; nothing else of it names a patient",
               .fallback = std::string{},
               .group = results});
  p.push_back({.name = "label-name",
               .type = T::kText,
               .help = "Name of the first label in the results (default: the model's)",
               .fallback = std::string{},
               .group = results});
  p.push_back({.name = "color",
               .type = T::kText,
               .help = "Colour of the first label: #e64d33, or 0.9,0.3,0.2",
               .fallback = std::string{},
               .group = results});
  p.push_back({.name = "dump",
               .type = T::kOutputFile,
               .help = "Also write the intermediate arrays to this safetensors file (names as in the e2e fixtures)",
               .fallback = std::string{},
               .group = results});
  p.push_back({.name = "threads",
               .type = T::kInteger,
               .help = "Processor threads; 0 = all",
               .fallback = std::int64_t{0},
               .group = computing});
  p.push_back({.name = "device",
               .type = T::kChoice,
               .help = "Where networks run",
               .fallback = std::string("cpu"),
               .choices = {"cpu", "cuda"},
               .group = computing});
}

std::vector<Plane> planes_of(const std::string& name) {
  if (name == "axial") return {Plane::kAxial};
  if (name == "coronal") return {Plane::kCoronal};
  if (name == "sagittal") return {Plane::kSagittal};
  return name == "all" ? std::vector<Plane>{Plane::kAxial, Plane::kCoronal, Plane::kSagittal} : std::vector<Plane>{};
}

void check(const SegmentOptions& o, const JobValues& values, std::vector<std::string>& problems) {
  if (o.volumes.empty() && o.modalities.empty())
    problems.push_back("give at least one volume, --modality NAME=FILE, or --cases");
  if (!o.volumes.empty() && !o.modalities.empty())
    problems.push_back("give volumes in the model's order or --modality NAME=FILE, not both");
  if (o.settings.threshold && !(*o.settings.threshold > 0 && *o.settings.threshold <= 1))
    problems.push_back("--threshold must be above 0 and at most 1");
  if (!(o.min_component_ml >= 0)) problems.push_back("--min-component-ml must not be negative");
  if (!(o.below_size_mm3 >= 0)) problems.push_back("--below-size-mm3 must not be negative");
  if (o.reading.volume_index && *o.reading.volume_index < 0) problems.push_back("--volume-index counts from 0");
  if (!(o.settings.max_bytes > 0)) problems.push_back("--max-memory-gb must be positive");
  if (o.threads < 0 || o.threads > 1024) problems.push_back("--threads must lie between 0 and 1024");
  if (!values.text("color").empty() && !o.colour) problems.push_back("--color must look like #e64d33 or 0.9,0.3,0.2");
  for (const char c : o.label_name)
    if (static_cast<unsigned char>(c) < 32) {
      problems.push_back("--label-name must be one line of text");
      break;
    }
}

}  // namespace

std::vector<ModalityFile> modality_files(const std::vector<std::string>& items, std::vector<std::string>& problems) {
  std::vector<ModalityFile> files;
  for (const std::string& item : items) {
    const auto equals = item.find('=');
    const auto slash = item.find('/');
    if (!files.empty() && (equals == std::string::npos || slash < equals)) {
      files.back().path += "," + item;
    } else if (equals == std::string::npos || equals == 0 || equals + 1 == item.size()) {
      problems.push_back("--modality wants NAME=FILE, not '" + item + "'");
    } else {
      files.push_back({item.substr(0, equals), item.substr(equals + 1)});
    }
  }
  return files;
}

std::optional<std::array<double, 3>> parsed_colour(const std::string& text) {
  std::array<double, 3> colour{};
  if (text.size() == 7 && text[0] == '#') {
    for (std::size_t i = 0; i < 3; ++i) {
      const auto byte = hex_byte(text, 1 + 2 * i);
      if (!byte) return {};
      colour[i] = *byte / 255.0;
    }
    return colour;
  }
  const char *at = text.data(), *end = at + text.size();
  for (std::size_t i = 0; i < 3; ++i) {
    const auto [next, error] = std::from_chars(at, end, colour[i]);
    const bool last = i == 2;
    if (error != std::errc{} || colour[i] < 0 || colour[i] > 1 || (last ? next != end : next == end || *next != ','))
      return {};
    at = last ? next : next + 1;
  }
  return colour;
}

std::vector<Parameter> segment_parameters() {
  std::vector<Parameter> parameters;
  add_main(parameters), add_reading(parameters), add_results(parameters);
  return parameters;
}

SegmentOptions segment_options(const JobValues& values) {
  SegmentOptions o;
  std::vector<std::string> problems;
  for (const std::string& volume : values.list("volumes")) o.volumes.emplace_back(volume);
  o.modalities = modality_files(values.list("modality"), problems);
  o.alignment = values.text("alignment") == "headers" ? Alignment::kHeaders : Alignment::kRegister;
  o.model = values.text("model"), o.out = values.text("out"), o.brain_mask = values.text("brain-mask"),
  o.dump = values.text("dump");
  const std::string& bias = values.text("bias-correction");
  o.bias_correction = bias == "on"    ? BiasCorrection::kOn
                      : bias == "off" ? BiasCorrection::kOff
                                      : BiasCorrection::kAsTrained;
  o.settings.compat = values.text("compat") == "raidionics" ? Compat::kRaidionics : Compat::kFovea;
  o.settings.order = values.text("resample") == "second" ? ResampleOrder::kSecond : ResampleOrder::kFirst;
  if (values.given("threshold")) o.settings.threshold = values.number("threshold");
  o.settings.planes = planes_of(values.text("plane"));
  o.settings.ensemble = values.text("folds") == "maximum" ? Ensemble::kMaximum : Ensemble::kAverage;
  o.all_folds = values.text("folds") != "first";
  o.ensemble_stated = values.text("folds") != "auto";
  const std::string& tta = values.text("tta");
  o.settings.test_time = tta == "flips" ? TestTime::kFlips : tta == "mirror" ? TestTime::kMirror : TestTime::kNone;
  o.settings.dump = !o.dump.empty();
  o.settings.max_bytes = values.number("max-memory-gb") * kGib;
  o.reading.series = values.text("series");
  if (values.given("volume-index")) o.reading.volume_index = static_cast<int>(values.integer("volume-index"));
  o.reading.accept_irregular_slices = values.flag("accept-irregular-slices");
  o.reading.max_bytes =
      o.settings.max_bytes / static_cast<double>(std::max<std::size_t>(o.volumes.size() + o.modalities.size(), 1));
  o.min_component_ml = values.number("min-component-ml"), o.below_size_mm3 = values.number("below-size-mm3");
  o.dicom_seg = values.text("dicom-seg"), o.pseudonym = values.text("pseudonym");
  o.label_name = values.text("label-name"), o.colour = parsed_colour(values.text("color"));
  o.threads = values.integer("threads");
  check(o, values, problems);
  refuse_problems(problems, "mri segment");
  if (values.text("device") != "cpu")
    throw Error(ErrorCode::kDevice, "--device cuda", "mri segment runs on the processor in this version",
                "Leave --device out.");
  return o;
}

}  // namespace fovea::pipeline::mri
