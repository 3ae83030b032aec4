#include "mri/segment_inputs.h"

#include <algorithm>
#include <cmath>

#include <fovea/base/error.h>
#include <fovea/io/dicom_seg.h>

#include "mri/bias_correction.h"
#include "mri/brain/brain_mask.h"
#include "mri/brain/otsu_brain.h"
#include "mri/evaluation/case_result.h"
#include "mri/study.h"
#include "problems.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

constexpr std::size_t kMostLabels = 8;

std::string name_of(const std::filesystem::path& path) {
  return path.filename().empty() ? path.parent_path().filename().string() : path.filename().string();
}

class Reader {
 public:
  Reader(const SegmentOptions& options, const SegmentationModel& model, ProgressMeter& meter)
      : options_(options), model_(model), meter_(meter) {}

  SegmentInputs run(double from, double to) {
    meter_.stage("reading", from, 0.5 * (from + to));
    if (options_.modalities.empty()) {
      read_volumes();
    } else {
      read_modalities(0.5 * (from + to), to);
    }
    return std::move(result_);
  }

 private:
  void set_source(const std::filesystem::path& path) {
    result_.source = path, result_.series = options_.reading.series;
    result_.input.subject = name_of(path);
    if (!options_.dicom_seg.empty() && std::filesystem::exists(path) && !io::is_dicom_source(path))
      throw Error(ErrorCode::kUnsupported, result_.input.subject,
                  "a DICOM SEG takes patient and study from a DICOM series, and this is none",
                  "Give the DICOM folder, or leave --dicom-seg out.");
  }

  io::Volume read(const std::filesystem::path& path, const std::string& name, const io::VolumeReadOptions& reading) {
    io::Volume volume = io::read_volume(path, reading);
    if (options_.settings.compat == Compat::kFovea && looks_like_labels(volume))
      throw Error(ErrorCode::kUnsupported, name_of(path),
                  "it holds only a few whole numbers: this is a label map, not a scan",
                  "Give the scan that it was drawn on.");
    result_.facts.push_back({volume.geometry, volume.content_hash, volume.modality, name});
    if (options_.bias_correction == BiasCorrection::kOn ||
        (options_.bias_correction == BiasCorrection::kAsTrained && model_.preprocessing.bias_correction))
      correct(volume, name);
    for (const std::string& notice : volume.notices)
      result_.notices.push_back(name.empty() ? notice : name + ": " + notice);
    return volume;
  }

  void correct(io::Volume& volume, const std::string& name) {
    if (correct_bias(volume, otsu_foreground(volume))) return;
    result_.notices.push_back((name.empty() ? "" : name + ": ") +
                              "bias field correction was left out: it needs a head of values from 0 upwards");
  }

  void read_volumes() {
    set_source(options_.volumes.front());
    for (const auto& path : options_.volumes) {
      result_.input.volumes.push_back(read(path, "", options_.reading));
      meter_.advance(static_cast<double>(result_.input.volumes.size()) / static_cast<double>(options_.volumes.size()));
    }
  }

  void read_modalities(double middle, double to) {
    const std::vector<std::string>& known = model_.preprocessing.modalities;
    if (known.empty())
      throw Error(ErrorCode::kUsage, "--modality", "the model does not say which modalities its channels are",
                  "Give its volumes without names, in the order it was trained with.");
    std::vector<NamedVolume> given;
    const std::vector<std::string> names = checked_names(known);
    const auto reference = *std::find_if(known.begin(), known.end(),
                                         [&](const std::string& name) { return position(names, name) < names.size(); });
    set_source(options_.modalities[position(names, reference)].path);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::filesystem::path& path = options_.modalities[i].path;
      io::VolumeReadOptions reading = options_.reading;
      if (const std::string series = series_of_modality(path, names[i]); reading.series.empty() && !series.empty())
        reading.series = series;
      if (names[i] == reference) result_.series = reading.series;
      given.push_back({names[i], read(path, names[i], reading)});
      meter_.advance(static_cast<double>(i + 1) / static_cast<double>(names.size()));
    }
    meter_.stage("registering", middle, to);
    AlignedModalities aligned =
        align_modalities(std::move(given), known, options_.alignment, [&](double done) { meter_.advance(done); });
    result_.input.volumes = std::move(aligned.volumes), result_.input.reference = aligned.reference;
    result_.modalities = std::move(aligned.modalities);
    result_.notices.insert(result_.notices.end(), aligned.notices.begin(), aligned.notices.end());
    if (!is_recurrent(model_.config)) refuse_absent();
  }

  std::vector<std::string> checked_names(const std::vector<std::string>& known) const {
    std::vector<std::string> names;
    std::vector<std::string> problems;
    for (const ModalityFile& file : options_.modalities) {
      const std::string name = modality_name(file.name, known);
      if (std::find(names.begin(), names.end(), name) != names.end())
        problems.push_back("modality " + name + " is given twice");
      names.push_back(name);
    }
    if (!is_recurrent(model_.config)) {
      std::vector<std::string> absent;
      for (const std::string& name : known)
        if (std::find(names.begin(), names.end(), name) == names.end()) absent.push_back(name);
      if (!absent.empty())
        problems.push_back("the model needs all of its modalities, and " + joined(absent, ", ") + " is missing");
    }
    refuse_problems(problems, "mri segment");
    return names;
  }

  static std::size_t position(const std::vector<std::string>& names, const std::string& name) {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  }

  void refuse_absent() const {
    for (const Modality& modality : result_.modalities)
      if (!modality.present)
        throw Error(
            ErrorCode::kUnsupported, result_.input.subject,
            modality.name + " cannot be used (" + modality.problem + "), and the model needs all of its modalities",
            "Bring it onto the grid of " + result_.modalities[result_.input.reference].name +
                " in 3D Slicer, or pass --alignment headers when the positions in the files are right.");
  }

  const SegmentOptions& options_;
  const SegmentationModel& model_;
  ProgressMeter& meter_;
  SegmentInputs result_;
};

}  // namespace

SegmentInputs read_segment_inputs(const SegmentOptions& options, const SegmentationModel& model, ProgressMeter& meter,
                                  double from, double to) {
  return Reader(options, model, meter).run(from, to);
}

std::optional<io::Volume> brain_mask_for(const SegmentationInput& input, const SegmentOptions& options,
                                         ProgressMeter& meter, bool& whole_head, std::vector<std::string>& notices) {
  const std::string& choice = options.brain_mask;
  whole_head = choice == "none";
  if (whole_head) {
    notices.push_back("the model was trained on the brain alone and was given the whole head");
    return {};
  }
  const auto method = brain_method(choice);
  if (!method) {
    io::Volume mask = io::read_volume(choice, {.max_bytes = options.reading.max_bytes});
    for (const std::string& notice : mask.notices) notices.push_back("brain mask: " + notice);
    // The published pipeline truncates a resampled mask's fractions; ours takes them for a mistake.
    if (options.settings.compat == Compat::kFovea) mask_of(mask, choice, 0);
    const float highest = *std::max_element(mask.values.begin(), mask.values.end());
    if (highest > 1)
      notices.push_back("the brain mask holds labels up to " + slide::number_text(highest) +
                        ": every one above 0 counts as brain");
    return mask;
  }
  meter.stage("finding the brain", 0.10, 0.12);
  const io::Volume& reference = input.volumes[input.reference];
  const BrainResult brain = find_brain(reference, *method, [&](double done) { meter.advance(done); });
  notices.insert(notices.end(), brain.notices.begin(), brain.notices.end());
  if (!brain.plausible) {
    notices.push_back("that mask was not used: the model, trained on the brain alone, was given the whole head");
    whole_head = true;
    return {};
  }
  io::Volume mask;
  mask.geometry = reference.geometry;
  mask.values.assign(brain.mask.values.begin(), brain.mask.values.end());
  return mask;
}

bool looks_like_labels(const io::Volume& volume) {
  std::vector<float> seen;
  for (const float v : volume.values) {
    if (v != std::floor(v)) return false;
    if (std::find(seen.rbegin(), seen.rend(), v) != seen.rend()) continue;
    seen.push_back(v);
    if (seen.size() > kMostLabels) return false;
  }
  return seen.size() > 1;
}

}  // namespace fovea::pipeline::mri
