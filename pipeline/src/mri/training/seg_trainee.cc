#include "mri/training/seg_trainee.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <fovea/models/state_copy.h>

#include "problems.h"
#include "progress.h"

namespace fovea::pipeline::mri::training {
namespace {

constexpr double kDiceTieBreak = 1e-3;  // between epochs that find equally many lesions

std::int64_t views_of(const Recipe& recipe, const FoldData& data) {
  return static_cast<std::int64_t>(data.fold.train.size()) * recipe.windows;
}
std::int64_t steps_of(const Recipe& recipe, const FoldData& data) {
  const std::int64_t batch = recipe.training.rates.batch;
  return (views_of(recipe, data) + batch - 1) / batch;
}

models::SegTraining training_of(const Recipe& recipe, std::int64_t seed) {
  models::SegTraining training = recipe.training;
  training.rates.seed = static_cast<std::uint64_t>(seed);
  training.rates.warm_up = recipe.warm_up_epochs / static_cast<double>(training.rates.epochs);
  return training;
}

}  // namespace

SegTrainee::SegTrainee(models::SegNetwork& network, const Recipe& recipe, std::int64_t seed, const FoldData& data,
                       BadCase bad, std::stop_token stop)
    : network_(network),
      recipe_(recipe),
      seed_(seed),
      data_(data),
      bad_(std::move(bad)),
      stop_(std::move(stop)),
      share_(steps_of(recipe, data), recipe.training.accumulate, "mri train"),
      trainer_(std::make_unique<models::SegTrainer>(network, training_of(recipe, seed),
                                                    share_.steps_of_all() * recipe.training.rates.epochs)) {}
SegTrainee::~SegTrainee() = default;

void SegTrainee::begin_epoch(std::int64_t epoch, std::int64_t first_step) {
  ahead_.reset();
  epoch_ = epoch;
  order_ = models::shuffled(views_of(recipe_, data_), static_cast<std::uint64_t>(seed_), epoch);
  const auto workers = static_cast<std::size_t>(std::max<std::int64_t>(1, data_.workers));
  ahead_ = std::make_unique<pipeline::train::Ahead<Batch>>(
      first_step, steps_per_epoch(), workers, static_cast<std::int64_t>(workers) + 1,
      [this](std::int64_t step) { return batch_of(share_.sample(step)); });
}

void SegTrainee::add_view(const View& view, Batch& batch) const {
  const Index3 window = window_of(recipe_);
  const bool volume = recipe_.network.dims == 3;
  const at::Tensor image = image_tensor(view.channels, true), label = label_tensor(view.label, window, true);
  if (volume) {
    batch.images.push_back(image), batch.labels.push_back(label);
    std::vector<std::int64_t> present(view.present.begin(), view.present.end());
    batch.present.push_back(at::tensor(present).to(at::kBool));
    return;
  }
  for (std::int64_t z = 0; z < window[2]; ++z)
    batch.images.push_back(image.select(3, z).contiguous()), batch.labels.push_back(label.select(2, z).contiguous());
}

SegTrainee::Batch SegTrainee::batch_of(std::int64_t step) const {
  const auto size = static_cast<std::size_t>(recipe_.training.rates.batch);
  const std::size_t begin = static_cast<std::size_t>(step) * size, end = std::min(order_.size(), begin + size);
  const double ramp = dropout_ramp(recipe_.dropout, epoch_, recipe_.training.rates.epochs);
  Batch batch;
  for (std::size_t i = begin; i < end && !stop_.stop_requested(); ++i) {
    const std::int64_t view = order_[i];
    const std::size_t index = data_.fold.train[static_cast<std::size_t>(view / recipe_.windows)];
    try {
      const auto prepared = data_.store->load(index);
      add_view(draw_view(*prepared, recipe_, ramp, {static_cast<std::uint64_t>(seed_), epoch_, view}), batch);
    } catch (const std::exception& error) {
      batch.problems.emplace_back(index, problem_of(error));
    }
  }
  return batch;
}

std::optional<double> SegTrainee::step(std::int64_t) {
  Batch batch = ahead_->next();
  throw_if_stopped(stop_);
  for (const auto& [index, problem] : batch.problems) {
    share_.refuse((*data_.cases)[index].id, problem);
    bad_(index, problem);
  }
  if (batch.images.empty()) return {};
  models::SegInput input(at::stack(batch.images));
  if (recurrent(recipe_)) input.present = at::stack(batch.present);
  return trainer_->step(input, at::stack(batch.labels));
}

pipeline::train::Figures SegTrainee::validate() {
  pipeline::train::Figures figures;
  const bool last = epoch_ + 1 == recipe_.training.rates.epochs;
  if (data_.fold.val.empty() || (!last && (epoch_ + 1) % recipe_.validate_every != 0)) return figures;
  const auto network = models::seg_model(network_.config().architecture).make(network_.config(), trainer_->kept());
  const std::vector<Pattern> patterns = patterns_of(recipe_);
  std::vector<double> dice(recipe_.classes.size(), 0), cases(recipe_.classes.size(), 0);
  double found = 0, lesions = 0;
  for (const std::size_t index : data_.fold.val) {
    throw_if_stopped(stop_);
    std::shared_ptr<const Prepared> prepared;
    try {
      prepared = data_.store->load(index);
    } catch (const std::exception& error) {
      bad_(index, problem_of(error));
      continue;
    }
    for (const Pattern& pattern : patterns) {
      const auto predicted = predicted_label(*network, *prepared, recipe_, pattern);
      if (!predicted) continue;
      for (std::size_t c = 0; c < dice.size(); ++c) {
        const auto label = static_cast<std::uint8_t>(c + 1);
        const std::vector<std::uint8_t> truth = mask_of(prepared->label, label), mask = mask_of(*predicted, label);
        const VoxelCounts counts = voxel_counts({prepared->size, prepared->spacing_mm, truth, mask});
        const bool there = counts.both + counts.reference_only > 0;
        if (there) found += counts.both > 0, ++lesions;
        // A case without lesion where none was marked is a full success.
        dice[c] += !there && counts.predicted_only == 0 ? 1 : voxel_metrics(counts).dice;
        ++cases[c];
      }
    }
  }
  double mean = 0;
  for (std::size_t c = 0; c < dice.size(); ++c) {
    const double value = cases[c] > 0 ? dice[c] / cases[c] : 0;
    figures.values["val_dice_" + recipe_.classes[c]] = value;
    mean += value / static_cast<double>(dice.size());
  }
  figures.values["val_dice"] = mean;
  const double detected = lesions > 0 ? found / lesions : 0;
  figures.values["val_detected"] = detected;
  figures.score = recipe_.selection == Selection::kDetection ? detected + kDiceTieBreak * mean : mean;
  return figures;
}

void SegTrainee::restore(const models::StateDict& weights, const models::StateDict& progress) {
  models::copy_into(network_.state(), weights);
  trainer_->restore(progress);
}

}  // namespace fovea::pipeline::mri::training
