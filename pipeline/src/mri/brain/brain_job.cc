// `mri brain`: where the brain is, as a mask on the scan's grid.
#include "mri/brain/brain_job.h"

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/volume.h>

#include "mri/brain/brain_mask.h"
#include "progress.h"
#include "run_scope.h"
#include "slide/words.h"

namespace fovea::pipeline {
namespace mri {
namespace {

JobResult run_brain(const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
  ProgressMeter meter(sink, std::move(stop));
  const ThreadCount threads(values.integer("threads"));
  io::VolumeReadOptions reading;
  reading.series = values.text("series");
  if (values.given("volume-index")) reading.volume_index = static_cast<int>(values.integer("volume-index"));
  meter.stage("reading", 0, 0.2);
  const io::Volume volume = io::read_volume(values.text("scan"), reading);
  meter.stage("finding the brain", 0.2, 0.9);
  const BrainResult brain =
      find_brain(volume, *brain_method(values.text("method")), [&](double done) { meter.advance(done); });
  meter.stage("writing results", 0.9, 1);
  const std::filesystem::path out = values.text("out");
  const io::LabelVolume labels{volume.geometry, brain.mask.values};
  if (out.string().ends_with(".seg.nrrd")) {
    io::write_seg_nrrd(out, labels, {{.name = "brain"}});
  } else {
    io::write_label_map(out, labels);
  }
  JobResult result;
  result.outputs = {out};
  result.notices = volume.notices;
  result.notices.insert(result.notices.end(), brain.notices.begin(), brain.notices.end());
  result.text = "brain " + slide::fixed_text(brain.ml, 0) + " ml, by " + brain.method + "\n";
  result.json = nlohmann::json{{"fovea_brain", 1},
                               {"method", brain.method},
                               {"volume_ml", brain.ml},
                               {"plausible", brain.plausible},
                               {"content_sha256", volume.content_hash}}
                    .dump(2);
  return result;
}

}  // namespace
}  // namespace mri

JobKind mri_brain_job() {
  JobKind kind;
  kind.name = "mri brain";
  kind.summary = "Outline the brain in an MRI volume";
  kind.details =
      "Writes a mask on the scan's exact grid. auto: the pretrained network of the package deepbet (made for "
      "T1-weighted "
      "heads) where ./run deps fetched it, else classical: near a template's brain (Colin27 of Debian's mricron-data, "
      "or "
      "ch2.nii.gz and ch2bet.nii.gz in $FOVEA_BRAIN_TEMPLATE) by grey value, or without one by grey values and shape "
      "alone (otsu).\n"
      "Exit codes: 0 done, 1 wrong usage, 3 could not run, 130 cancelled.\n"
      "Example: fovea mri brain t1.nii.gz --out brain.nii.gz";
  kind.parameters = {
      {.name = "scan",
       .type = ParameterType::kFile,
       .help = "NIfTI, NRRD or MetaImage file, or a DICOM folder",
       .required = true,
       .positional = true},
      {.name = "out",
       .type = ParameterType::kOutputFile,
       .help = "The mask: .nii.gz, .nrrd or .seg.nrrd",
       .required = true},
      {.name = "method",
       .type = ParameterType::kChoice,
       .help = "How to find the brain",
       .fallback = std::string("auto"),
       .choices = {"auto", "deepbet", "classical", "otsu"}},
      {.name = "series",
       .type = ParameterType::kText,
       .help = "DICOM folder with several series: part of the description, or the number in the listing",
       .fallback = std::string{}},
      {.name = "volume-index", .type = ParameterType::kInteger, .help = "Which 3-D volume of a 4-D file, from 0"},
      {.name = "threads",
       .type = ParameterType::kInteger,
       .help = "Processor threads; 0 = all",
       .fallback = std::int64_t{0}},
  };
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return mri::run_brain(values, sink, std::move(stop));
  };
  return kind;
}

}  // namespace fovea::pipeline
