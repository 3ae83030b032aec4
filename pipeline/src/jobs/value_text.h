// A parameter's value out of a cell of a table.
#pragma once

#include <string>

#include <fovea/pipeline/job.h>

namespace fovea::pipeline {

/// The text as the parameter's type: true/false/yes/no/1/0, numbers in the C locale, lists split at semicolons. What
/// does not read as that type stays text, which JobValues refuses with the type's words.
Value value_of_text(const Parameter& parameter, const std::string& text);

}  // namespace fovea::pipeline
