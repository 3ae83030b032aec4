// What a module hands to its host, made from the files that the job wrote.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "module.h"

namespace fovea::slicer {

using ReturnValues = std::vector<std::pair<std::string, std::string>>;

/// Writes every output that `arguments` asks for (all of them, or none) from the job's files in `results`, and gives
/// the module's return values.
ReturnValues deliver(const Module& module, const Arguments& arguments, const std::filesystem::path& results,
                     const pipeline::JobResult& result);

/// Lines "name = value", atomically.
void write_return_values(const std::filesystem::path& path, const ReturnValues& values);

}  // namespace fovea::slicer
