#include "mil/task_head.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/huber_loss.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

namespace fovea::pipeline::mil {
namespace {

using evaluation::Task;

/// Quantiles of the times at which something happened, so that every interval has its share of events.
std::vector<double> interval_ends(const std::vector<const Item*>& train, std::int64_t bins) {
  std::vector<double> times;
  for (const Item* item : train)
    if (item->target.event) times.push_back(item->target.time);
  if (times.empty())
    throw Error(ErrorCode::kUsage, "survival", "no training case has an event", "Check the column event (1 or 0).");
  std::sort(times.begin(), times.end());
  std::vector<double> ends;
  for (std::int64_t i = 1; i < bins; ++i) {
    const double at = static_cast<double>(i) / static_cast<double>(bins) * static_cast<double>(times.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const double part = at - static_cast<double>(below);
    const double end = times[below] + part * (times[std::min(below + 1, times.size() - 1)] - times[below]);
    if (end > 0 && (ends.empty() || end > ends.back())) ends.push_back(end);
  }
  if (ends.empty())
    throw Error(ErrorCode::kUsage, "survival", "all training cases with an event have it at the same time",
                "Check the column time.");
  return ends;
}

/// Inverse shares: n / (C n_c); multi-label: absent / present.
std::vector<double> balancing_weights(const std::vector<const Item*>& train, std::size_t classes, Task task) {
  std::vector<double> counts(classes, 0), weights(classes, 1);
  for (const Item* item : train) {
    if (task == Task::kClassification) ++counts[static_cast<std::size_t>(item->target.label)];
    for (std::size_t c = 0; c < item->target.present.size(); ++c) counts[c] += item->target.present[c];
  }
  const auto all = static_cast<double>(train.size());
  for (std::size_t c = 0; c < classes; ++c)
    if (counts[c] > 0)
      weights[c] = task == Task::kClassification ? all / (static_cast<double>(classes) * counts[c])
                                                 : (all - counts[c]) / counts[c];
  return weights;
}

/// Negative log-likelihood of discrete hazards h = sigmoid(logits): an event in interval y has survived those before
/// and happens there; a censored case has survived through y. label [2]: y, event. Zadeh and Schmid 2020.
at::Tensor survival_loss(const at::Tensor& logits, const at::Tensor& label, double uncensored_weight) {
  const at::Tensor survived = at::log_sigmoid(-logits).cumsum(1), happens = at::log_sigmoid(logits);
  const auto interval = static_cast<std::int64_t>(label[0].item<double>());
  if (label[1].item<double>() == 0) return -(1 - uncensored_weight) * survived.select(1, interval).mean();
  at::Tensor log_likelihood = happens.select(1, interval);
  if (interval > 0) log_likelihood = log_likelihood + survived.select(1, interval - 1);
  return -log_likelihood.mean();
}

std::int64_t first_largest(const std::vector<float>& values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

}  // namespace

TaskHead::TaskHead(const Recipe& recipe, std::vector<std::string> classes, const std::vector<const Item*>& train)
    : task_(recipe.task),
      classes_(std::move(classes)),
      uncensored_weight_(recipe.uncensored_weight),
      huber_(recipe.huber) {
  if (task_ == Task::kSurvival) times_ = interval_ends(train, recipe.bins);
  const bool classes_matter = task_ == Task::kClassification || task_ == Task::kMultiLabel;
  if (recipe.balanced_loss && classes_matter) weights_ = balancing_weights(train, classes_.size(), task_);
  if (task_ != Task::kRegression) return;
  double sum = 0, squares = 0;
  for (const Item* item : train) sum += item->target.value, squares += item->target.value * item->target.value;
  const auto count = static_cast<double>(std::max<std::size_t>(train.size(), 1));
  centre_ = sum / count;
  const double deviation = std::sqrt(std::max(squares / count - centre_ * centre_, 0.0));
  if (deviation > 0) scale_ = deviation;
}

TaskHead::TaskHead(const nlohmann::json& json, std::vector<std::string> classes) : classes_(std::move(classes)) {
  const auto name = json.value("task", std::string("classification"));
  task_ = Task::kClassification;
  for (const Task task : {Task::kClassification, Task::kMultiLabel, Task::kSurvival, Task::kRegression})
    if (evaluation::task_name(task) == name) task_ = task;
  times_ = json.value("times", std::vector<double>{});
  centre_ = json.value("centre", 0.0), scale_ = json.value("scale", 1.0);
  if (task_ == Task::kSurvival || task_ == Task::kRegression) classes_.clear();
}

nlohmann::json TaskHead::json() const {
  nlohmann::json json{{"task", evaluation::task_name(task_)}};
  if (task_ == Task::kSurvival) json["times"] = times_;
  if (task_ == Task::kRegression) json["centre"] = centre_, json["scale"] = scale_;
  return json;
}

std::int64_t TaskHead::outputs() const {
  if (task_ == Task::kRegression) return 1;
  return static_cast<std::int64_t>(task_ == Task::kSurvival ? times_.size() + 1 : classes_.size());
}

std::vector<std::string> TaskHead::output_names() const {
  if (task_ == Task::kRegression) return {"value"};
  if (task_ != Task::kSurvival) return classes_;
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < outputs(); ++i) names.push_back("interval " + std::to_string(i + 1));
  return names;
}

models::MilCriterion TaskHead::criterion() const {
  switch (task_) {
    case Task::kClassification:
      if (weights_.empty()) return {};
      return [weights = weights_](const at::Tensor& logits, const at::Tensor& label) {
        const double weight = weights[static_cast<std::size_t>(label.item<std::int64_t>())];
        return weight * at::cross_entropy_loss(logits, label.reshape({1}).expand({logits.size(0)}));
      };
    case Task::kMultiLabel: {
      const at::Tensor weights = weights_.empty() ? at::Tensor() : at::tensor(weights_).to(at::kFloat);
      return [weights](const at::Tensor& logits, const at::Tensor& label) {
        return at::binary_cross_entropy_with_logits(logits, label.reshape({1, -1}).expand_as(logits), {}, weights);
      };
    }
    case Task::kSurvival:
      return [weight = uncensored_weight_](const at::Tensor& logits, const at::Tensor& label) {
        return survival_loss(logits, label, weight);
      };
    case Task::kRegression:
      return [huber = huber_](const at::Tensor& logits, const at::Tensor& label) {
        const at::Tensor wanted = label.reshape({1, 1}).expand_as(logits);
        return huber ? at::huber_loss(logits, wanted) : at::mse_loss(logits, wanted);
      };
  }
  throw Error(ErrorCode::kInternal, "task", "a task without a loss");
}

at::Tensor TaskHead::label(const Target& target) const {
  switch (task_) {
    case Task::kMultiLabel: return at::tensor(target.present);
    case Task::kSurvival: return at::tensor({static_cast<float>(interval_of(target.time)), target.event ? 1.0f : 0.0f});
    case Task::kRegression: return at::tensor({static_cast<float>((target.value - centre_) / scale_)});
    case Task::kClassification: break;
  }
  return at::scalar_tensor(target.label, at::kLong);
}

/// A time at the very end of an interval belongs to the next one, as for those after it.
std::int64_t TaskHead::interval_of(double time) const {
  return std::upper_bound(times_.begin(), times_.end(), time) - times_.begin();
}

void TaskHead::predict(const models::MilOutput& output, evaluation::PredictionRow& row) const {
  const at::NoGradGuard no_grad;
  const auto values_of = [](const at::Tensor& tensor) {
    const at::Tensor flat = tensor.flatten().to(at::kFloat).contiguous();
    return std::vector<float>(flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel());
  };
  row.predicted.clear();
  switch (task_) {
    case Task::kClassification:
      // Independent classes (DSMIL) of which one is to be chosen.
      row.probabilities = values_of(output.bag_prob / output.bag_prob.sum().clamp_min(1e-30));
      row.predicted = classes_[static_cast<std::size_t>(first_largest(row.probabilities))];
      break;
    case Task::kMultiLabel:
      row.probabilities = values_of(output.bag_logits.sigmoid());
      for (std::size_t c = 0; c < classes_.size(); ++c)
        if (row.probabilities[c] >= 0.5f) row.predicted += (row.predicted.empty() ? "" : ";") + classes_[c];
      break;
    case Task::kSurvival: {
      const std::vector<float> survived = values_of((at::log_sigmoid(-output.bag_logits)).cumsum(1).exp());
      row.risk = 0;
      for (const float value : survived) row.risk -= value;
      row.probabilities.assign(survived.begin(), survived.end() - 1);
      break;
    }
    case Task::kRegression: row.value = centre_ + scale_ * values_of(output.bag_logits).front(); break;
  }
}

void TaskHead::state(const Item& item, evaluation::PredictionRow& row) const {
  row.label.clear();
  if (task_ == Task::kClassification || task_ == Task::kMultiLabel) row.label = item.label;
  if (task_ == Task::kSurvival) row.time = item.target.time, row.event = item.target.event;
  if (task_ == Task::kRegression) row.target = item.target.value;
}

}  // namespace fovea::pipeline::mil
