// Another program, its lines as they come, and an end that is always known.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::pipeline::batch {

/// What the child may take; 0: no limit. There are never core files.
struct ChildLimits {
  double memory_bytes = 0;  ///< of its own: heap and private mappings, not files and devices that it maps
  double cpu_seconds = 0;   ///< of all its threads together
  double file_bytes = 0;    ///< of any one file that it writes
};

struct ChildCall {
  std::vector<std::string> arguments;               ///< the first is the program, looked for in PATH
  std::string input;                                ///< its standard input, which it may open again as /dev/stdin
  std::function<void(std::string_view line)> line;  ///< of its standard output; may throw, the child is killed then
  std::stop_token stop;                             ///< SIGTERM, and SIGKILL a second later, to it and what it started
  double seconds = 0;                               ///< the same after so long; 0: never
  ChildLimits limits{};
  bool ends_with_us = false;  ///< the program is fovea, which then dies with this process, however that ends
};

struct ChildEnd {
  int exit_code = -1;  ///< -1: it ended by `signal`
  int signal = 0;
  bool timed_out = false;
  std::string errors;  ///< the last of its standard error
};

/// Error(kInternal) when it cannot be started, Error(kCancelled) after a stop request.
ChildEnd run_child(const ChildCall& call);

}  // namespace fovea::pipeline::batch
