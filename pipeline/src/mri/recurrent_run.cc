#include "mri/recurrent_run.h"

#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/maximum.h>

#include <fovea/base/error.h>
#include <fovea/models/stack_explanation.h>

#include "mri/recurrent_stack.h"
#include "mri/same_grid.h"
#include "problems.h"

namespace fovea::pipeline::mri {
namespace {

/// What infer holds of a stack: the pooled maps of every modality, the decoder's, and the canvas itself.
double stack_bytes(const models::SegConfig& config, const StackPlacement& placement) {
  double maps = 0, share = 0.25;
  for (std::size_t level = 1; level < config.filters.size(); ++level, share /= 4)
    maps += share * static_cast<double>(config.filters[level]);
  const double modalities = static_cast<double>(config.channels);
  return 4 * static_cast<double>(product(placement.size)) * ((modalities + 3) * maps + 2 * modalities + 4);
}

class RecurrentRun {
 public:
  RecurrentRun(SegmentationInput& input, const SegmentationModel& model, const SegmentationSettings& settings,
               ProgressMeter& meter)
      : input_(input), model_(model), p_(model.preprocessing), settings_(settings), meter_(meter) {}

  Segmentation run() {
    check();
    const io::Geometry& geometry = input_.volumes[input_.reference].geometry;
    meter_.stage("resampling", 0.30, 0.35);
    placement_ = place_stack(geometry, p_, model_.config.divisor(), StackCanvas::kWhole);
    if (stack_bytes(model_.config, placement_) > 4 * settings_.max_bytes)
      throw Error(ErrorCode::kOutOfMemory, "model",
                  "a stack of " + size_text(placement_.size) + " voxels would need more memory than allowed",
                  "Raise --max-memory-gb if the machine has it.");
    const models::SegInput stack = make_input();
    meter_.stage("segmenting", 0.35, 0.88);
    explain(stack);
    meter_.stage("back to the native grid", 0.88, 0.93);
    bring_back(geometry);
    return std::move(result_);
  }

 private:
  void check() const {
    if (static_cast<std::int64_t>(input_.volumes.size()) != model_.config.channels)
      throw Error(ErrorCode::kShape, input_.subject,
                  "the model takes up to " + std::to_string(model_.config.channels) + " modalities (" +
                      joined(p_.modalities, ", ") + "), and it cannot be told which was given",
                  "Name what there is: --modality " + (p_.modalities.empty() ? "NAME" : p_.modalities.front()) +
                      "=FILE, any subset.");
    const io::Geometry& reference = input_.volumes[input_.reference].geometry;
    for (const io::Volume& volume : input_.volumes)
      if (!same_grid(reference, volume.geometry))
        throw Error(ErrorCode::kShape, input_.subject, "the modalities do not lie on one grid",
                    "Name them with --modality NAME=FILE: they are then registered.");
    if (settings_.order == ResampleOrder::kSecond || settings_.compat == Compat::kRaidionics)
      throw Error(ErrorCode::kUsage, "mri segment",
                  "--resample second and --compat raidionics belong to whole-volume networks",
                  "Leave them out for this model.");
  }

  models::SegInput make_input() {
    std::vector<Grid> grids(input_.volumes.size());
    std::vector<const Grid*> modalities;
    for (std::size_t m = 0; m < grids.size(); ++m) {
      io::Volume& volume = input_.volumes[m];
      if (volume.values.empty()) {
        modalities.push_back(nullptr);
        continue;
      }
      grids[m].size = volume.geometry.size;
      if (m == input_.reference) {
        grids[m].values = volume.values;  // the overlay shows it
      } else {
        grids[m].values.swap(volume.values);
      }
      modalities.push_back(&grids[m]);
    }
    const RecurrentStack stack = make_stack(modalities, placement_, p_, meter_.stop());
    present_ = stack.present;
    return {stack.x.unsqueeze(0), stack.present.unsqueeze(0)};
  }

  /// The folds' probabilities as the user wants them joined; their maps averaged.
  void explain(const models::SegInput& stack) {
    for (std::size_t fold = 0; fold < model_.folds; ++fold) {
      const auto network = model_.open(fold);
      const auto advance = [&](double done) {
        meter_.advance((static_cast<double>(fold) + done) / static_cast<double>(model_.folds));
      };
      models::StackExplanation one = models::explain_stack(*network, stack, advance);
      if (fold == 0) {
        total_ = std::move(one);
        continue;
      }
      total_.probability = settings_.ensemble == Ensemble::kAverage ? total_.probability + one.probability
                                                                    : at::maximum(total_.probability, one.probability);
      total_.modalities += one.modalities, total_.gate += one.gate;
    }
    const auto folds = static_cast<double>(model_.folds);
    if (settings_.ensemble == Ensemble::kAverage) total_.probability = total_.probability / folds;
    total_.modalities /= folds, total_.gate /= folds;
  }

  void bring_back(const io::Geometry& geometry) {
    const auto back = [&](const at::Tensor& map) { return from_stack(map, placement_, Interpolation::kLinear); };
    result_.labels.geometry = geometry;
    result_.crop = whole(geometry.size);
    result_.thresholds = {settings_.threshold.value_or(p_.threshold(1))};
    result_.probabilities.push_back(back(total_.probability[0][0]));
    const std::vector<float>& p = result_.probabilities.front().values;
    result_.labels.values.resize(p.size());
    std::transform(p.begin(), p.end(), result_.labels.values.begin(),
                   [&](float v) { return static_cast<std::uint8_t>(v >= result_.thresholds.front()); });
    for (std::size_t m = 0; m < input_.volumes.size(); ++m) {
      const auto index = static_cast<std::int64_t>(m);
      if (!present_[index].item<bool>()) continue;
      const std::string name = m < p_.modalities.size() ? p_.modalities[m] : "modality" + std::to_string(m + 1);
      result_.modality_weights.emplace_back(name, back(total_.modalities[0][index]));
    }
    result_.gate = back(total_.gate[0][0]);
  }

  SegmentationInput& input_;
  const SegmentationModel& model_;
  const Preprocessing& p_;
  const SegmentationSettings& settings_;
  ProgressMeter& meter_;
  StackPlacement placement_;
  at::Tensor present_;
  models::StackExplanation total_;
  Segmentation result_;
};

}  // namespace

Segmentation segment_recurrent(SegmentationInput& input, const SegmentationModel& model,
                               const SegmentationSettings& settings, ProgressMeter& meter) {
  const at::NoGradGuard no_grad;
  return RecurrentRun(input, model, settings, meter).run();
}

}  // namespace fovea::pipeline::mri
