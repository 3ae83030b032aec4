// One JSON object a line on stdout, for programs that drive fovea (--json-progress).
#pragma once

#include <exception>
#include <string>

#include <fovea/pipeline/job.h>

namespace fovea::cli {

std::string json_progress(
    const pipeline::Progress& progress);  ///< {"type":"progress","stage":..,"fraction":..,"eta_seconds":..}
std::string json_result(const pipeline::JobResult&
                            result);  ///< {"type":"result","exit_code":..,"outputs":[..],"notices":[..],"result":{..}}
std::string json_error(const std::exception& error,
                       int exit_code);  ///< {"type":"error","code":"no_tissue","message":..,"exit_code":..}

}  // namespace fovea::cli
