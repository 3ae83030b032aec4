// `mri segment`: volume(s) -> lesion labels, probabilities and a report on the exact input grid.
#include "jobs/jobs.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "model_store.h"
#include "mri/model_folder.h"
#include "mri/outputs.h"
#include "mri/preprocessing.h"
#include "mri/report.h"
#include "mri/segment_batch.h"
#include "mri/segment_inputs.h"
#include "mri/segment_options.h"
#include "mri/segmentation.h"
#include "progress.h"
#include "run_scope.h"

namespace fovea::pipeline {
namespace mri {
namespace {

/// A key of Raidionics' own run-time file, taken from the model's preprocessing where it stands there.
bool joined_by_maximum(const std::string& preprocessing) {
  const auto keys = nlohmann::json::parse(preprocessing, nullptr, false);
  return keys.is_object() && keys.contains("ensembling_strategy") && keys["ensembling_strategy"] == "maximum";
}

class SegmentRun {
 public:
  SegmentRun(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : options_(segment_options(values)), meter_(sink, std::move(stop)), threads_(options_.threads) {}

  JobResult run() {
    meter_.stage("loading the model", 0, 0.02);
    load_model();
    const OutputFolder folder(options_.out);
    SegmentationInput input = read_inputs();
    Segmentation segmentation = segment(input, model_, options_.settings, meter_);
    meter_.stage("measuring", 0.95, 0.97);
    fill_report(segmentation, input);
    meter_.stage("writing results", 0.97, 1);
    JobResult result;
    result.outputs = write_outputs(segmentation, input.volumes[input.reference], report_, options_, meter_.stop());
    result.notices = report_.notices;
    result.text = report_text(report_);
    result.json = report_json(report_).dump(2);
    return result;
  }

 private:
  void load_model() {
    files_ = model_files(options_.model);
    if (!options_.all_folds) files_.resize(1);
    LoadedSegmentation loaded = load_first(options_.model, files_);
    const std::string subject =
        options_.model.filename().empty() ? options_.model.string() : options_.model.filename().string();
    model_.config = loaded.network->config();
    const auto metadata = loaded.description.metadata.find("fovea.preprocessing");
    const bool stated = metadata != loaded.description.metadata.end();
    model_.preprocessing = preprocessing_from_json(stated ? metadata->second : std::string{}, model_.config, subject);
    if (!options_.ensemble_stated && stated && joined_by_maximum(metadata->second))
      options_.settings.ensemble = Ensemble::kMaximum;
    report_.folds = model_.folds = files_.size();
    first_network_ = std::move(loaded.network);
    model_.open = [this](std::size_t fold) { return open_fold(fold); };
    report_.model = std::move(loaded.description);
    report_.labels = report_.model.labels;
    if (!options_.label_name.empty() && report_.labels.size() > 1) report_.labels[1] = options_.label_name;
    note_all(report_.model.notices);
    note_all(preprocessing_notices(model_.preprocessing));
    if (!stated)
      report_.notices.push_back(
          "the model does not tell its preprocessing: 1 mm voxels, percentiles 0 to 99.5 and [0, 1] were taken");
  }

  std::shared_ptr<const models::SegNetwork> open_fold(std::size_t fold) {
    if (fold == 0) return first_network_;
    first_network_.reset();  // one network at a time
    LoadedSegmentation loaded = load_segmentation(files_[fold]);
    const models::SegConfig& c = loaded.network->config();
    if (c.dims != model_.config.dims || c.channels != model_.config.channels || c.classes != model_.config.classes)
      throw Error(ErrorCode::kShape, files_[fold].string(), "this fold has other channels or classes than the first",
                  "Take all folds from the same model.");
    return std::move(loaded.network);
  }

  SegmentationInput read_inputs() {
    SegmentInputs inputs =
        read_segment_inputs(options_, model_, meter_, 0.02, is_recurrent(model_.config) ? 0.30 : 0.10);
    options_.source = inputs.source, options_.reading.series = inputs.series;
    report_.inputs = std::move(inputs.facts), report_.modalities = std::move(inputs.modalities);
    note_all(inputs.notices);
    if (const std::string missing = availability_notice(report_.model.metadata, report_.modalities); !missing.empty())
      report_.notices.push_back(missing);
    if (wants_brain(model_.preprocessing))
      inputs.input.brain_mask =
          brain_mask_for(inputs.input, options_, meter_, options_.settings.whole_head, report_.notices);
    return std::move(inputs.input);
  }

  void fill_report(Segmentation& segmentation, const SegmentationInput& input) {
    report_.settings = options_.settings, report_.preprocessing = model_.preprocessing;
    report_.thresholds = segmentation.thresholds, report_.planes = segmentation.planes,
    report_.crop = segmentation.crop;
    report_.min_component_ml = options_.min_component_ml, report_.below_size_mm3 = options_.below_size_mm3;
    note_all(segmentation.notices);
    find_findings(segmentation, input.volumes[input.reference], report_);
    if (input.volumes[input.reference].geometry.size != segmentation.labels.geometry.size)
      throw Error(ErrorCode::kInternal, "mri segment", "the result left the input's grid");
    throw_if_stopped(meter_.stop());
  }

  void note_all(const std::vector<std::string>& notices) {
    report_.notices.insert(report_.notices.end(), notices.begin(), notices.end());
  }

  SegmentOptions options_;
  ProgressMeter meter_;
  ThreadCount threads_;
  std::vector<std::filesystem::path> files_;
  SegmentationModel model_;
  std::shared_ptr<const models::SegNetwork> first_network_;
  Report report_;
};

}  // namespace
}  // namespace mri

JobKind mri_segment_job() {
  JobKind kind;
  kind.name = "mri segment";
  kind.summary = "Outline lesions in an MRI volume";
  kind.details =
      "Reads a volume, brings it to the network's grid and intensities, segments it and returns to the exact input "
      "grid. Writes\n"
      "segmentation.nii.gz, segmentation.seg.nrrd (opens in 3D Slicer), probability.nii.gz, report.json and "
      "lesions.csv "
      "(volume, position,\n"
      "diameters and side of every lesion), report.html, report.pdf and overlay.png into --out, all or nothing. "
      "Slice-wise networks look at every slice; others at "
      "the whole volume. A network over several modalities takes any of them by name and also writes how much it "
      "looked "
      "at each (attention-NAME.nii.gz) and its gate (gate.nii.gz).\n"
      "With --cases, every case gets a folder of its own in --out, and summary.csv says what became of each; a bad "
      "case "
      "does not stop\n"
      "the others, and running the command again goes on where it stopped.\n"
      "Exit codes: 0 done, 1 wrong usage, 2 some cases failed, 3 could not run (unreadable, wrong grid, not a 3-D "
      "volume, ...), 130 "
      "cancelled.\n"
      "Example: fovea mri segment t1c.nii.gz --model model.safetensors --out result\n"
      "Several modalities: fovea mri segment --modality swan=swi.nii.gz --modality dwi=dwi.nii.gz --model "
      "thrombus.safetensors "
      "--out result\n"
      "A Raidionics model folder: fovea mri segment t1c.nii.gz --model MRI_Meningioma/ --compat raidionics --out "
      "result";
  kind.parameters = mri::segment_parameters();
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    if (values.text("cases").empty()) return mri::SegmentRun(values, sink, std::move(stop)).run();
    const JobKind& own = job_kind("mri segment");
    const mri::RunCase run_one = [&own](const JobRequest& request, const ProgressSink& within,
                                        std::stop_token stopping) {
      return mri::SegmentRun(JobValues(own, request), within, std::move(stopping)).run();
    };
    return mri::segment_cases(values, own.parameters, run_one, sink, stop);
  };
  return kind;
}

}  // namespace fovea::pipeline
