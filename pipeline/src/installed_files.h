// Where files that ./run deps fetched, or an installation brought along, are looked for.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fovea::pipeline {

/// $`variable`, <executable>/../share/fovea/`shared`, <repository>/.deps/`fetched`, in this order.
std::vector<std::filesystem::path> installed_folders(const char* variable, const std::string& shared,
                                                     const std::string& fetched);

/// The first of these folders (`name` in both places) that holds `file`.
std::optional<std::filesystem::path> find_installed(const char* variable, const std::string& name,
                                                    const std::string& file);

}  // namespace fovea::pipeline
