// `mri synthesise`: labelled cases out of real volumes without labels.
#include <algorithm>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/volume.h>

#include "jobs/jobs.h"
#include "mri/intensity.h"
#include "mri/same_grid.h"
#include "mri/synthesis/synthesis.h"
#include "problems.h"
#include "progress.h"
#include "run_scope.h"
#include "slide/random_source.h"
#include "slide/words.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;
using mri::Grid;
using mri::Index3;

constexpr double kBrainLevel = 0.1;  // of the 99th percentile: the first modality's brain against air
constexpr const char* kLimits =
    "the targets are drawn, not patients': figures on them show how a network behaves, not how good it is on people";

struct Named {
  std::string name, value;
};
std::vector<Named> pairs(const JobValues& values, const char* option) {
  std::vector<Named> result;
  for (const std::string& text : values.list(option)) {
    const std::size_t at = text.find('=');
    if (at == std::string::npos || at == 0 || at + 1 == text.size())
      throw Error(ErrorCode::kUsage, std::string("--") + option, "'" + text + "' is not name=value",
                  std::string("Write for instance --") + option + " swan=...");
    result.push_back({text.substr(0, at), text.substr(at + 1)});
  }
  return result;
}

double number(const std::string& text, const char* option) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw Error(ErrorCode::kUsage, std::string("--") + option, "'" + text + "' is no number",
                "Write for instance 1.5.");
  return value;
}

class SynthesiseRun {
 public:
  SynthesiseRun(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : meter_(sink, std::move(stop)), out_(values.text("out")) {
    read_options(values);
  }

  JobResult run() {
    const OutputFolder folder(out_);
    read_volumes();
    meter_.stage("drawing", 0.2, 1);
    std::string table = "case,label,patient,split";
    for (const std::string& name : names_) table += "," + name;
    table += "\n";
    std::int64_t drawn = 0;
    nlohmann::ordered_json targets = nlohmann::ordered_json::array();
    for (std::int64_t n = 0; n < cases_; ++n) {
      const bool val = n % every_ == every_ - 1;
      const mri::Synthetic made = one(n, val);
      const std::string id = id_of(n);
      table += id + "," + id + "/label.nii.gz," + (val ? "val" : "train") + "," + (val ? "val" : "train");
      for (const std::string& name : names_) table += "," + id + "/" + name + ".nii.gz";
      table += "\n";
      for (const mri::Target& target : made.targets) {
        targets.push_back({{"case", id}, {"volume_mm3", target.volume_mm3}, {"visible", seen_in(target)}});
        ++drawn;
      }
      write(id, made);
      meter_.advance(static_cast<double>(n + 1) / static_cast<double>(cases_));
    }
    io::write_file(out_ / "targets.json", targets.dump(1) + "\n");
    io::write_file(out_ / "cases.csv", table);
    JobResult result;
    result.outputs = {out_ / "cases.csv", out_ / "targets.json"};
    result.notices = {kLimits};
    result.text = std::to_string(cases_) + " cases with " + std::to_string(drawn) + " targets\n";
    result.json = nlohmann::json{{"cases", cases_}, {"targets", drawn}}.dump(2);
    return result;
  }

 private:
  void read_options(const JobValues& values) {
    std::vector<std::string> problems;
    for (const Named& each : pairs(values, "modality")) {
      if (std::find(names_.begin(), names_.end(), each.name) != names_.end())
        problems.push_back("--modality names " + each.name + " twice");
      names_.push_back(each.name), files_.push_back(each.value);
    }
    options_.contrast.assign(names_.size(), 2);
    for (const Named& each : pairs(values, "contrast")) {
      const auto found = std::find(names_.begin(), names_.end(), each.name);
      if (found == names_.end())
        problems.push_back("--contrast is of no modality: " + each.name);
      else
        options_.contrast[static_cast<std::size_t>(found - names_.begin())] = number(each.value, "contrast");
    }
    cases_ = values.integer("cases"), every_ = values.integer("val-every"), seed_ = values.integer("seed");
    options_.least = values.integer("least"), options_.most = values.integer("most");
    options_.volume_mm3 = {values.number("smallest-mm3"), values.number("largest-mm3")};
    options_.visibility = values.number("visibility");
    lesions_ = values.text("lesions"), slice_mm_ = values.number("slice-mm");
    for (const std::string& text : values.list("size")) size_.push_back(std::llround(number(text, "size")));
    if (names_.empty()) problems.push_back("--modality is needed");
    if (cases_ < 1 || every_ < 2) problems.push_back("--cases must be at least 1 and --val-every at least 2");
    if (options_.least < 0 || options_.most < options_.least) problems.push_back("--least and --most must rise");
    if (!(options_.volume_mm3.first > 0) || options_.volume_mm3.second < options_.volume_mm3.first)
      problems.push_back("--smallest-mm3 must be positive and not above --largest-mm3");
    if (seed_ < 0 || slice_mm_ < 0 || options_.visibility < 0 || options_.visibility > 1)
      problems.push_back("--seed and --slice-mm must not be negative, --visibility from 0 to 1");
    if (!size_.empty() && (size_.size() != 3 || *std::min_element(size_.begin(), size_.end()) < 1))
      problems.push_back("--size must be three numbers of voxels");
    refuse_problems(problems, "mri synthesise");
  }

  void read_volumes() {
    meter_.stage("reading volumes", 0, 0.2);
    for (std::size_t m = 0; m < names_.size(); ++m) {
      io::Volume volume = io::read_volume(files_[m]);
      if (m == 0) geometry_ = volume.geometry;
      check(volume.geometry, files_[m]);
      volumes_.push_back(thickened(std::move(volume)));
      meter_.advance(static_cast<double>(m + 1) / static_cast<double>(names_.size()));
    }
    const Grid& first = volumes_.front();
    const double level = kBrainLevel * mri::percentile(first.values, 99);
    allowed_.resize(first.values.size());
    for (std::size_t i = 0; i < allowed_.size(); ++i) allowed_[i] = first.values[i] > level;
    if (!lesions_.empty()) {
      io::Volume mask = io::read_volume(lesions_);
      check(mask.geometry, lesions_);
      real_ = thickened(std::move(mask));
      for (std::size_t i = 0; i < allowed_.size(); ++i)
        if (real_.values[i] > 0) allowed_[i] = false;
    }
    thicken_geometry();
  }

  void check(const io::Geometry& geometry, const std::string& file) const {
    if (!mri::same_grid(geometry, geometry_))
      throw Error(ErrorCode::kShape, fs::path(file).filename().string(), "it does not lie on the first volume's grid",
                  "Resample all modalities onto one grid.");
  }

  std::int64_t slab() const {
    return slice_mm_ > 0 ? std::max<std::int64_t>(1, std::llround(slice_mm_ / geometry_.spacing_mm[2])) : 1;
  }
  /// Thick slices are means of thin ones, as a scanner makes them.
  Grid thickened(io::Volume volume) const {
    Grid grid;
    grid.size = volume.geometry.size, grid.values = std::move(volume.values);
    const std::int64_t n = slab();
    if (n == 1) return grid;
    Grid thick({grid.size[0], grid.size[1], grid.size[2] / n});
    const std::int64_t pixels = grid.size[0] * grid.size[1];
    for (std::int64_t z = 0; z < thick.size[2] * n; ++z)
      for (std::int64_t i = 0; i < pixels; ++i)
        thick.values[static_cast<std::size_t>(z / n * pixels + i)] +=
            grid.values[static_cast<std::size_t>(z * pixels + i)] / static_cast<float>(n);
    return thick;
  }
  void thicken_geometry() {
    const std::int64_t n = slab();
    geometry_.origin_mm = geometry_.point_lps({0, 0, static_cast<double>(n - 1) / 2});
    geometry_.spacing_mm[2] *= static_cast<double>(n), geometry_.size[2] /= n;
    if (geometry_.size[2] < 1)
      throw Error(ErrorCode::kUsage, "--slice-mm", "the slices would be thicker than the volume", "Take less.");
  }

  /// Training cases come from the lower half of the first axis, validation ones from the upper: of one head no voxel is
  /// in both.
  mri::Synthetic one(std::int64_t n, bool val) {
    slide::RandomSource random(static_cast<std::uint64_t>(seed_) * 1000003 + static_cast<std::uint64_t>(n));
    const Index3 whole = volumes_.front().size;
    const std::int64_t half = whole[0] / 2;
    Index3 size = whole;
    size[0] = val ? whole[0] - half : half;
    for (std::size_t a = 0; a < size_.size(); ++a) size[a] = std::min(size[a], size_[a]);
    box_.begin = {val ? half : 0, 0, 0};
    const Index3 room{(val ? whole[0] : half) - size[0], whole[1] - size[1], whole[2] - size[2]};
    for (int attempt = 0; attempt < 100; ++attempt) {
      box_.begin[0] = random.whole(val ? half : 0, room[0]);
      for (std::size_t a = 1; a < 3; ++a) box_.begin[a] = random.whole(0, room[a]);
      for (std::size_t a = 0; a < 3; ++a) box_.end[a] = box_.begin[a] + size[a];
      if (tissue_share() > 0.4) break;
    }
    std::vector<Grid> parts;
    for (const Grid& volume : volumes_) parts.push_back(cut(volume, box_));
    mri::Synthetic made = mri::synthesise(std::move(parts), geometry_.spacing_mm, allowed_in_box(), options_,
                                          static_cast<std::uint64_t>(random.whole(0, 1LL << 62)));
    if (real_.values.empty()) return made;
    const Grid there = cut(real_, box_);
    for (std::size_t i = 0; i < made.label.size(); ++i)
      if (there.values[i] >= 0.5F) made.label[i] = 1;
    return made;
  }

  std::vector<bool> allowed_in_box() const {
    const Index3 size = box_.size(), whole = volumes_.front().size;
    std::vector<bool> part;
    for (std::int64_t z = 0; z < size[2]; ++z)
      for (std::int64_t y = 0; y < size[1]; ++y)
        for (std::int64_t x = 0; x < size[0]; ++x)
          part.push_back(allowed_[static_cast<std::size_t>(
              ((z + box_.begin[2]) * whole[1] + y + box_.begin[1]) * whole[0] + x + box_.begin[0])]);
    return part;
  }
  double tissue_share() const {
    const std::vector<bool> part = allowed_in_box();
    return static_cast<double>(std::count(part.begin(), part.end(), true)) / static_cast<double>(part.size());
  }

  void write(const std::string& id, const mri::Synthetic& made) const {
    io::prepare_output_folder(out_ / id);
    io::Geometry geometry = geometry_;
    geometry.size = box_.size();
    geometry.origin_mm = geometry_.point_lps(
        {static_cast<double>(box_.begin[0]), static_cast<double>(box_.begin[1]), static_cast<double>(box_.begin[2])});
    for (std::size_t m = 0; m < names_.size(); ++m) {
      io::Volume volume;
      volume.geometry = geometry, volume.values = made.channels[m].values;
      io::write_volume(out_ / id / (names_[m] + ".nii.gz"), volume);
    }
    io::write_label_map(out_ / id / "label.nii.gz", {geometry, made.label});
  }

  std::vector<std::string> seen_in(const mri::Target& target) const {
    std::vector<std::string> names;
    for (std::size_t m = 0; m < names_.size(); ++m)
      if (target.visible[m]) names.push_back(names_[m]);
    return names;
  }
  static std::string id_of(std::int64_t n) {
    const std::string digits = std::to_string(n);
    return "case_" + std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') + digits;
  }

  ProgressMeter meter_;
  fs::path out_;
  std::vector<std::string> names_, files_;
  std::string lesions_;
  mri::SynthesisOptions options_;
  std::vector<std::int64_t> size_;
  std::int64_t cases_ = 0, every_ = 0, seed_ = 0;
  double slice_mm_ = 0;
  io::Geometry geometry_;
  std::vector<Grid> volumes_;
  std::vector<bool> allowed_;
  Grid real_;  ///< lesions that are there already; without values: none known
  mri::Box box_;
};

}  // namespace

JobKind mri_synthesise_job() {
  using T = ParameterType;
  JobKind kind;
  kind.name = "mri synthesise";
  kind.summary = "Draw small targets into real multi-modal volumes: labelled cases to try networks on";
  kind.details =
      "Reads modalities of one head on one grid, cuts boxes out of it (for training from one half, for validation from "
      "the other), draws ellipsoids that show in some of the modalities only (with --most 0 none: the real lesions "
      "alone), and writes cases.csv for mri train, a "
      "folder a case, and targets.json.\n"
      "Exit codes: 0 done, 1 wrong usage, 3 could not run, 130 cancelled.\n"
      "Example: fovea mri synthesise --modality swan=t2.nii.gz --modality dwi=flair.nii.gz --contrast swan=-2 --out "
      "set";
  kind.parameters = {
      {.name = "modality",
       .type = T::kTextList,
       .help = "name=FILE, once a modality, all on one grid",
       .required = true},
      {.name = "out", .type = T::kOutputFolder, .help = "Folder for the cases", .required = true},
      {.name = "contrast",
       .type = T::kTextList,
       .help =
           "name=NUMBER: how much brighter (or, negative, darker) targets are, in standard deviations of the brain; "
           "default 2",
       .fallback = std::vector<std::string>{}},
      {.name = "cases", .type = T::kInteger, .help = "Number of cases", .fallback = std::int64_t{60}},
      {.name = "val-every",
       .type = T::kInteger,
       .help = "Every so manieth is for validation",
       .fallback = std::int64_t{4}},
      {.name = "size",
       .type = T::kTextList,
       .help = "Voxels of a case along the volume's axes, x,y,z; default: all there are",
       .fallback = std::vector<std::string>{}},
      {.name = "slice-mm",
       .type = T::kNumber,
       .help = "Make slices along the third axis about this thick, in mm; 0 leaves them",
       .fallback = 0.0},
      {.name = "lesions",
       .type = T::kFile,
       .help = "Mask of the lesions that are there already: they are labelled too, and no drawn target touches them",
       .fallback = std::string{}},
      {.name = "least", .type = T::kInteger, .help = "Fewest targets a case", .fallback = std::int64_t{1}},
      {.name = "most", .type = T::kInteger, .help = "Most targets a case", .fallback = std::int64_t{2}},
      {.name = "smallest-mm3", .type = T::kNumber, .help = "Smallest target, in mm3", .fallback = 20.0},
      {.name = "largest-mm3", .type = T::kNumber, .help = "Largest target, in mm3", .fallback = 150.0},
      {.name = "visibility",
       .type = T::kNumber,
       .help = "Probability that a target shows in a modality; in one it always does",
       .fallback = 0.7},
      {.name = "seed", .type = T::kInteger, .help = "Seed of everything drawn", .fallback = std::int64_t{0}}};
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return SynthesiseRun(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
