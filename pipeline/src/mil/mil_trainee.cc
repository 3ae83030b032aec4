#include "mil/mil_trainee.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/core/grad_mode.h>

#include <fovea/models/state_copy.h>

#include "evaluation/metrics.h"
#include "evaluation/survival_metrics.h"
#include "mil/bag_prediction.h"
#include "progress.h"
#include "slide/random_source.h"

namespace fovea::pipeline::mil {
namespace {

using evaluation::Task;

models::TrainOptions training_of(const Recipe& recipe, const TaskHead& head, std::int64_t seed) {
  models::TrainOptions training = recipe.training;
  training.seed = static_cast<std::uint64_t>(seed);
  training.warm_up = std::min(0.99, recipe.warm_up_epochs / static_cast<double>(training.epochs));
  training.mil.loss.criterion = head.criterion();
  // An instance loss says which instances speak for the bag's one class.
  training.mil.loss.instance_loss = training.mil.loss.instance_loss && recipe.task == Task::kClassification;
  return training;
}

double median_of(std::vector<double> values) {
  if (values.empty()) return -1;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double mean_of(const std::vector<BagResult>& results, const std::function<double(const BagResult&)>& value) {
  double sum = 0;
  for (const BagResult& result : results) sum += value(result);
  return results.empty() ? std::nan("") : sum / static_cast<double>(results.size());
}

void add_class_figures(train::Figures& figures, const std::vector<BagResult>& results, const TaskHead& head) {
  const auto classes = static_cast<std::int64_t>(head.classes().size());
  std::vector<float> probabilities;
  std::vector<std::int64_t> labels;
  for (const BagResult& result : results) {
    probabilities.insert(probabilities.end(), result.row.probabilities.begin(), result.row.probabilities.end());
    labels.push_back(std::find(head.classes().begin(), head.classes().end(), result.row.label) -
                     head.classes().begin());
  }
  const auto auc = evaluation::macro_auroc(probabilities, classes, labels);
  const double f1 = evaluation::macro_f1(evaluation::confusion_of(probabilities, classes, labels));
  if (auc) figures.values["val_auc"] = *auc;
  figures.values["val_macro_f1"] = f1;
  figures.score = f1 + auc.value_or(0);
}

bool names(const std::string& joined, const std::string& name) {
  return (";" + joined + ";").find(";" + name + ";") != std::string::npos;
}

/// Mean over the labels that are present on some bags and absent from others.
void add_label_figures(train::Figures& figures, const std::vector<BagResult>& results, const TaskHead& head) {
  double sum = 0;
  int counted = 0;
  for (std::size_t c = 0; c < head.classes().size(); ++c) {
    std::vector<float> scores;
    std::vector<bool> present;
    for (const BagResult& result : results) {
      scores.push_back(result.row.probabilities[c]);
      present.push_back(names(result.row.label, head.classes()[c]));
    }
    if (const auto auc = evaluation::auroc(scores, present)) sum += *auc, ++counted;
  }
  if (counted > 0) figures.score = figures.values["val_auc"] = sum / counted;
}

void add_survival_figures(train::Figures& figures, const std::vector<BagResult>& results) {
  std::vector<double> risk, time;
  evaluation::SurvivalRows rows;
  for (const BagResult& result : results) {
    risk.push_back(result.row.risk), time.push_back(result.row.time);
    rows.event.push_back(result.row.event.value_or(false));
  }
  rows.risk = risk, rows.time = time;
  if (const auto index = evaluation::concordance_index(rows)) figures.score = figures.values["val_auc"] = *index;
}

at::Tensor loss_of(const models::MilModel& model, const TaskHead& head, const Recipe& recipe,
                   const models::MilOutput& output, const Target& target) {
  models::MilLossOptions options;
  options.instance_loss = false, options.bag_weight = recipe.training.mil.loss.bag_weight;
  options.criterion = head.criterion();
  return model.loss(output, head.label(target), options).bag;
}

}  // namespace

std::vector<BagResult> results_of(const models::MilModel& model, const TaskHead& head, const Recipe& recipe,
                                  const FoldData& data, const std::vector<const Item*>& part, const std::string& name,
                                  const BadBag& bad, const std::function<void(double)>& advanced) {
  const at::NoGradGuard no_grad;
  BagQueue queue(*data.store, part, data.features, data.change, data.ahead_bytes);
  std::vector<BagResult> results;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const Delivery delivery = queue.next();
    advanced(static_cast<double>(i + 1) / static_cast<double>(part.size()));
    if (!delivery.problem.empty()) {
      bad(*delivery.item, delivery.problem);
      continue;
    }
    const Item& item = *delivery.item;
    const models::MilOutput output = output_of(model, delivery.bag);
    const AttentionFigures attention =
        attention_figures(output.attn_softmax, delivery.bag.instance_labels, item.target.label);
    BagResult result;
    result.row.case_id = item.case_id, result.row.slide_id = item.slide_id, result.row.part = name;
    result.row.instances = delivery.bag.rows.size(0);
    result.row.attention_entropy = attention.entropy, result.row.top10_mass = attention.top10;
    result.top1 = attention.top1, result.localisation = attention.localisation;
    result.concentration = attention.concentration;
    head.predict(output, result.row);
    head.state(item, result.row);
    result.loss = loss_of(model, head, recipe, output, item.target).item<double>();
    results.push_back(std::move(result));
  }
  return results;
}

train::Figures figures_of(const std::vector<BagResult>& results, const TaskHead& head, Selection rule) {
  train::Figures figures;
  if (results.empty()) return figures;
  const double loss = mean_of(results, [](const BagResult& result) { return result.loss; });
  if (head.task() == Task::kClassification) add_class_figures(figures, results, head);
  if (head.task() == Task::kMultiLabel) add_label_figures(figures, results, head);
  if (head.task() == Task::kSurvival) add_survival_figures(figures, results);
  figures.values["val_loss"] = loss;
  if (rule == Selection::kLoss || head.task() == Task::kRegression) figures.score = -loss;
  return figures;
}

MilTrainee::MilTrainee(models::MilModel& model, const TaskHead& head, const Recipe& recipe, std::int64_t seed,
                       const FoldData& data, BadBag bad, std::stop_token stop)
    : model_(model),
      head_(head),
      recipe_(recipe),
      seed_(seed),
      data_(data),
      bad_(std::move(bad)),
      stop_(std::move(stop)),
      share_(static_cast<std::int64_t>(data.train.size()), recipe.training.mil.accumulate, "mil train"),
      trainer_(model, training_of(recipe, head, seed),
               recipe.training.epochs * std::max<std::int64_t>(share_.steps_of_all(), 1)) {}
MilTrainee::~MilTrainee() = default;

/// Balanced: a class, then one of its bags, as often as there are bags; every class that there is comes as often.
std::vector<const Item*> MilTrainee::order_of(std::int64_t epoch) const {
  std::vector<const Item*> order;
  if (recipe_.balanced_sampling && head_.task() == Task::kClassification) {
    std::map<std::int64_t, std::vector<const Item*>> classes;
    for (const Item* item : data_.train) classes[item->target.label].push_back(item);
    slide::RandomSource random(static_cast<std::uint64_t>(seed_) * 1'000'003 + static_cast<std::uint64_t>(epoch));
    for (std::size_t i = 0; i < data_.train.size(); ++i) {
      const auto chosen = std::next(classes.begin(), random.whole(0, static_cast<std::int64_t>(classes.size()) - 1));
      const auto& bags = chosen->second;
      order.push_back(bags[static_cast<std::size_t>(random.whole(0, static_cast<std::int64_t>(bags.size()) - 1))]);
    }
    return order;
  }
  const auto bags = static_cast<std::int64_t>(data_.train.size());
  for (const std::int64_t index : models::shuffled(bags, static_cast<std::uint64_t>(seed_), epoch))
    order.push_back(data_.train[static_cast<std::size_t>(index)]);
  return order;
}

void MilTrainee::begin_epoch(std::int64_t epoch, std::int64_t first_step) {
  queue_.reset();  // its reader stops before the next one begins
  const std::vector<const Item*> all = order_of(epoch);
  std::vector<const Item*> order;
  for (std::int64_t step = first_step; step < share_.steps(); ++step)
    order.push_back(all[static_cast<std::size_t>(share_.sample(step))]);
  queue_ = std::make_unique<BagQueue>(*data_.store, std::move(order), data_.features, data_.change, data_.ahead_bytes);
}

std::optional<double> MilTrainee::step(std::int64_t /*index*/) {
  const Delivery delivery = queue_->next();
  if (!delivery.problem.empty()) {
    bad_(*delivery.item, delivery.problem);
    share_.refuse(delivery.item->slide_id, delivery.problem);
    return {};
  }
  return trainer_.step(delivery.bag.rows, head_.label(delivery.item->target), {}, delivery.bag.coords)
      .total.item<double>();
}

/// Without a validation part the attention is watched on some of the training bags.
train::Figures MilTrainee::validate() {
  constexpr std::size_t kWatched = 20;
  queue_.reset();
  const bool validated = !data_.val.empty();
  std::vector<const Item*> watched(
      data_.train.begin(), data_.train.begin() + static_cast<std::ptrdiff_t>(std::min(kWatched, data_.train.size())));
  const auto results = results_of(model_, head_, recipe_, data_, validated ? data_.val : watched, "val", bad_,
                                  [this](double) { throw_if_stopped(stop_); });
  train::Figures figures = validated ? figures_of(results, head_, recipe_.selection) : train::Figures{};
  if (results.empty()) return figures;
  figures.values["attention_entropy"] =
      mean_of(results, [](const BagResult& result) { return *result.row.attention_entropy; });
  figures.values["top10_mass"] = mean_of(results, [](const BagResult& result) { return *result.row.top10_mass; });
  std::vector<double> entropies, largest;
  for (const BagResult& result : results)
    entropies.push_back(*result.row.attention_entropy), largest.push_back(result.top1);
  median_entropy_ = median_of(std::move(entropies)), median_top1_ = median_of(std::move(largest));
  return figures;
}

void MilTrainee::restore(const models::StateDict& weights, const models::StateDict& progress) {
  models::copy_into(model_.state(), weights);
  trainer_.restore(progress);
}

}  // namespace fovea::pipeline::mil
