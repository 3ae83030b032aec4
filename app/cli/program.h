// The whole command line as CLI11 holds it: parsed by fovea, written down as man pages and shell completion.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "command_line.h"

namespace fovea::cli {

/// Callbacks of `app` write into this object: it stays where it was made.
struct Program {
  Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  CLI::App app;
  Invocation invocation;
  std::string request_path;
  CLI::App *repeat = nullptr, *details = nullptr;
};

}  // namespace fovea::cli
