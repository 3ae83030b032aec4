// A module's command line as 3D Slicer writes it, and the job request that it means.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "module.h"

namespace fovea::slicer {

struct Arguments {
  enum class Ask { kRun, kXml, kHelp, kVersion };
  Ask ask = Ask::kRun;
  std::filesystem::path return_file;          ///< --returnparameterfile; empty = none
  std::map<std::string, std::string> values;  ///< by parameter name; empty text counts as not given
  /// The path asked for by the first parameter of this role; empty = not asked for.
  std::filesystem::path output(const Module& module, Role role) const;
};

/// Error(kUsage): unknown flag, missing value, number that is none, required parameter or every output left out; all
/// problems in one sentence.
Arguments parse_arguments(const Module& module, const std::vector<std::string>& words);

/// What the pipeline is to do, results into `out`.
pipeline::JobRequest request_of(const Module& module, const Arguments& arguments, const std::filesystem::path& out);

}  // namespace fovea::slicer
