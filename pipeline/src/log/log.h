// Milestones for a clinician's IT, on stderr when asked for. Never patient identifiers, never inside a tile loop.
// Behind this header because LibTorch brings another version of fmt than the one spdlog was built with.
#pragma once

#include <string_view>

namespace fovea::pipeline {

void set_verbose(bool verbose);
void log_info(std::string_view message);
void log_warning(std::string_view message);

}  // namespace fovea::pipeline
