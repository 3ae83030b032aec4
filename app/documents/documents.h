// The command line written down: man pages and shell completion, made from the same object that parses it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace fovea::documents {

/// File name ("fovea-slide-predict.1") and troff text of the program and of each of its commands.
std::vector<std::pair<std::string, std::string>> man_pages(const CLI::App& program, const std::string& version);

/// For bash: commands, options, choices of an option, and file names elsewhere. Starts no program.
std::string bash_completion(const CLI::App& program, const std::vector<std::pair<std::string, std::string>>& choices);

/// "--heatmap-map" -> "viridis magma ...", for every option of a job that has choices, as "slide predict
/// --heatmap-map".
std::vector<std::pair<std::string, std::string>> option_choices();

}  // namespace fovea::documents
