// An evaluation as files: metrics.json, per_class.csv, per_fold.csv, and a table for the terminal.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "evaluation/result.h"

namespace fovea::pipeline::evaluation {

nlohmann::ordered_json metrics_json(const EvaluationResult& result, const EvaluationOptions& options);
std::string per_class_csv(const EvaluationResult& result);
std::string per_fold_csv(const EvaluationResult& result);
std::string terminal_table(const EvaluationResult& result);

}  // namespace fovea::pipeline::evaluation
