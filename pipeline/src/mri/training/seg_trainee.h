// A segmentation network on the cases of one fold, as the training engine sees it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "mri/training/predict.h"
#include "mri/training/view.h"
#include "train/ahead.h"
#include "train/epoch_share.h"
#include "train/trainee.h"

namespace fovea::pipeline::mri::training {

/// Borrowed for the length of a run.
struct FoldData {
  CaseStore* store = nullptr;
  const std::vector<Case>* cases = nullptr;
  Fold fold;
  std::int64_t workers = 1;
};

/// A case that cannot be used is left out, and named once.
using BadCase = std::function<void(std::size_t index, const std::string& problem)>;

class SegTrainee final : public pipeline::train::Trainee {
 public:
  SegTrainee(models::SegNetwork& network, const Recipe& recipe, std::int64_t seed, const FoldData& data, BadCase bad,
             std::stop_token stop);
  ~SegTrainee() override;
  std::int64_t steps_per_epoch() const override { return share_.steps(); }
  void begin_epoch(std::int64_t epoch, std::int64_t first_step) override;
  std::optional<double> step(std::int64_t index) override;
  pipeline::train::Figures validate() override;
  double learning_rate() const override { return trainer_->learning_rate(); }
  const models::StateDict& weights() const override { return network_.state(); }
  const models::StateDict& kept() const override { return trainer_->kept(); }
  models::StateDict progress() const override { return trainer_->saved(); }
  void restore(const models::StateDict& weights, const models::StateDict& progress) override;

 private:
  struct Batch {
    std::vector<at::Tensor> images, labels, present;
    std::vector<std::pair<std::size_t, std::string>> problems;
  };
  Batch batch_of(std::int64_t step) const;
  void add_view(const View& view, Batch& batch) const;

  models::SegNetwork& network_;
  Recipe recipe_;
  std::int64_t seed_;
  const FoldData& data_;
  BadCase bad_;
  std::stop_token stop_;
  pipeline::train::EpochShare share_;
  std::unique_ptr<models::SegTrainer> trainer_;
  std::int64_t epoch_ = 0;
  std::vector<std::int64_t> order_;
  std::unique_ptr<pipeline::train::Ahead<Batch>> ahead_;
};

}  // namespace fovea::pipeline::mri::training
