// What a task makes of a network: how many outputs it has, its loss, and how outputs become a prediction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <fovea/models/mil.h>

#include "evaluation/prediction_table.h"
#include "mil/data_set.h"

namespace fovea::pipeline::mil {

class TaskHead {
 public:
  /// What depends on data comes from the training items alone: weights of classes, intervals of survival (equal counts
  /// of events), scale of values.
  TaskHead(const Recipe& recipe, std::vector<std::string> classes, const std::vector<const Item*>& train);
  /// As a trained model's metadata say (json()).
  TaskHead(const nlohmann::json& json, std::vector<std::string> classes);
  nlohmann::json json() const;

  evaluation::Task task() const { return task_; }
  const std::vector<std::string>& classes() const { return classes_; }
  const std::vector<double>& times() const { return times_; }  ///< survival: ends of the intervals but the last
  std::int64_t outputs() const;
  /// Names of the outputs, for the model's metadata.
  std::vector<std::string> output_names() const;

  /// Empty: the model's own loss (single-label classification without weights).
  models::MilCriterion criterion() const;
  at::Tensor label(const Target& target) const;
  /// Probabilities and predicted class; survival curve and risk; value.
  void predict(const models::MilOutput& output, evaluation::PredictionRow& row) const;
  /// What is true: label, time and event, or target.
  void state(const Item& item, evaluation::PredictionRow& row) const;

 private:
  std::int64_t interval_of(double time) const;
  evaluation::Task task_;
  std::vector<std::string> classes_;
  std::vector<double> times_;
  double uncensored_weight_ = 0;
  bool huber_ = false;
  double centre_ = 0, scale_ = 1;  ///< of regression: the network gives (value - centre) / scale
  std::vector<double> weights_;    ///< of classes; multi-label: of presence. Empty: all 1
};

}  // namespace fovea::pipeline::mil
