// The command line made from the table of job kinds: every parameter of a job is one option, described once.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <fovea/pipeline/job.h>

namespace fovea::cli {

struct Invocation {
  pipeline::JobRequest request;
  std::filesystem::path save_request;  ///< empty = do not save
  std::filesystem::path status;        ///< empty = none
  bool json_progress = false, quiet = false, verbose = false;
};

/// What to run, or the exit code when there is nothing to run (help, version, wrong usage; already printed).
struct Parsed {
  std::optional<Invocation> invocation;
  int exit_code = 0;
};

Parsed parse_command_line(int argc, char** argv);

}  // namespace fovea::cli
