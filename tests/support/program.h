// Runs the fovea program through the shell and keeps what it said.
#pragma once

#include <cstdlib>
#include <string>

#include <sys/wait.h>

#include "file_text.h"
#include "shared.h"

namespace fovea::test {

struct ProgramResult {
  int exit_code = -1;
  std::string out, err;
};

/// `arguments` is a shell fragment and may redirect stdout itself.
inline ProgramResult run_fovea(const std::string& arguments, const std::string& prefix = "") {
  TemporaryFolder folder;
  const auto out = folder / "out", err = folder / "err";
  const std::string command = "{ " + prefix + " '" + FOVEA_CLI + "' " + arguments + " ; } >'" + out.string() + "' 2>'" +
                              err.string() + "' </dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), file_text(out), file_text(err)};
}

}  // namespace fovea::test
