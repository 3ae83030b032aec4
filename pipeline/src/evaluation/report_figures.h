// The pictures of report.html, each with its caption.
#pragma once

#include "evaluation/page.h"
#include "evaluation/result.h"
#include "evaluation/run_context.h"

namespace fovea::pipeline::evaluation {

void add_class_figures(Page& page, const EvaluationResult& result, const EvaluationOptions& options);
void add_survival_figures(Page& page, const EvaluationResult& result);
void add_regression_figures(Page& page, const EvaluationResult& result);
void add_attention_figures(Page& page, const EvaluationResult& result, const RunContext& context);
void add_training_figures(Page& page, const RunContext& context);

}  // namespace fovea::pipeline::evaluation
