// report.html of an evaluation.
#pragma once

#include <string>

#include "evaluation/result.h"
#include "evaluation/run_context.h"

namespace fovea::pipeline::evaluation {

/// Self-contained page; slides appear by id only.
std::string report_html(const EvaluationResult& result, const EvaluationOptions& options, const RunContext& context);

}  // namespace fovea::pipeline::evaluation
