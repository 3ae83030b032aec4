// A MIL network on the bags of one fold, as the training engine sees it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <fovea/models/train.h>

#include "mil/bag_store.h"
#include "mil/recipe.h"
#include "mil/task_head.h"
#include "train/epoch_share.h"
#include "train/trainee.h"

namespace fovea::pipeline::mil {

/// Borrowed for the length of a run.
struct FoldData {
  BagStore* store = nullptr;
  std::vector<const Item*> train, val, test;
  std::int64_t features = 0;
  Standardisation change;
  std::int64_t ahead_bytes = 0;
};

/// A row of predictions.csv and what its bag's attention looked like.
struct BagResult {
  evaluation::PredictionRow row;
  double loss = 0;
  double top1 = 0;
  std::optional<double> localisation;
  std::vector<double> concentration;  ///< as in AttentionFigures
};

/// Bags that turn out to be bad are left out, and named to `bad` once each.
using BadBag = std::function<void(const Item&, const std::string& problem)>;

/// Every bag of a part through the network. `advanced`: 0..1, may throw.
std::vector<BagResult> results_of(const models::MilModel& model, const TaskHead& head, const Recipe& recipe,
                                  const FoldData& data, const std::vector<const Item*>& part, const std::string& name,
                                  const BadBag& bad, const std::function<void(double)>& advanced);

/// val_auc, val_macro_f1 or val_concordance, val_loss, attention_entropy and top10_mass as far as they apply; a score.
train::Figures figures_of(const std::vector<BagResult>& results, const TaskHead& head, Selection rule);

class MilTrainee final : public train::Trainee {
 public:
  MilTrainee(models::MilModel& model, const TaskHead& head, const Recipe& recipe, std::int64_t seed,
             const FoldData& data, BadBag bad, std::stop_token stop);
  ~MilTrainee() override;
  std::int64_t steps_per_epoch() const override { return share_.steps(); }
  void begin_epoch(std::int64_t epoch, std::int64_t first_step) override;
  std::optional<double> step(std::int64_t index) override;
  train::Figures validate() override;
  double learning_rate() const override { return trainer_.learning_rate(); }
  const models::StateDict& weights() const override { return model_.state(); }
  models::StateDict progress() const override { return trainer_.saved(); }
  void restore(const models::StateDict& weights, const models::StateDict& progress) override;

  /// Of the last validation.
  double median_entropy() const { return median_entropy_; }
  double median_top1() const { return median_top1_; }

 private:
  std::vector<const Item*> order_of(std::int64_t epoch) const;

  models::MilModel& model_;
  const TaskHead& head_;
  Recipe recipe_;
  std::int64_t seed_;
  const FoldData& data_;
  BadBag bad_;
  std::stop_token stop_;
  train::EpochShare share_;
  models::MilTrainer trainer_;
  std::unique_ptr<BagQueue> queue_;
  double median_entropy_ = -1, median_top1_ = -1;  ///< < 0: unknown
};

}  // namespace fovea::pipeline::mil
