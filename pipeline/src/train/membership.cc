#include "train/membership.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <vector>

#include <fovea/base/error.h>

#include "problems.h"

namespace fovea::pipeline::train {
namespace {

constexpr std::int64_t kMostProcesses = 4096;
// Below the ports that Linux gives to connections.
constexpr std::int64_t kFirstPort = 20000, kPorts = 12000;

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

/// Steps of one job may train at the same time, and jobs on one node.
std::string port_of_step() {
  const std::int64_t job = number(variable("SLURM_JOB_ID")).value_or(0),
                     step = number(variable("SLURM_STEP_ID")).value_or(0);
  return std::to_string(kFirstPort + (job + 97 * step) % kPorts);
}

}  // namespace

std::string first_node(const std::string& list) {
  const auto bracket = list.find('['), comma = list.find(',');
  if (bracket == std::string::npos || comma < bracket) return list.substr(0, comma);
  const auto end = list.find_first_of(",-]", bracket + 1);
  return list.substr(0, bracket) + list.substr(bracket + 1, end - bracket - 1);
}

Membership membership_of_environment() {
  std::string rank = variable("RANK"), count = variable("WORLD_SIZE"), port = variable("MASTER_PORT");
  Membership membership;
  membership.address = variable("MASTER_ADDR");
  if (rank.empty() && !variable("SLURM_STEP_ID").empty()) {
    rank = variable("SLURM_PROCID");
    if (count.empty()) count = variable("SLURM_STEP_NUM_TASKS");
    if (count.empty()) count = variable("SLURM_NTASKS");
    if (membership.address.empty()) membership.address = first_node(variable("SLURM_STEP_NODELIST"));
    if (port.empty()) port = port_of_step();
  }
  if (variable("TORCHELASTIC_USE_AGENT_STORE") == "True")
    membership.kept_by_launcher = "/fovea/attempt_" + variable("TORCHELASTIC_RESTART_COUNT");
  std::vector<std::string> problems;
  const auto read = [&](const char* name, const std::string& text, std::int64_t low, std::int64_t high) {
    const auto value = number(text);
    if (text.empty())
      problems.push_back(std::string(name) + " is not set");
    else if (!value || *value < low || *value > high)
      problems.push_back(std::string(name) + " is '" + text + "' and not a number from " + std::to_string(low) +
                         " to " + std::to_string(high));
    return value.value_or(low);
  };
  membership.count = read("WORLD_SIZE", count, 1, kMostProcesses);
  membership.rank = read("RANK", rank, 0, std::clamp<std::int64_t>(membership.count - 1, 0, kMostProcesses));
  membership.port = static_cast<int>(read("MASTER_PORT", port, 1, 65535));
  if (membership.address.empty()) problems.emplace_back("MASTER_ADDR is not set");
  if (!problems.empty())
    throw Error(ErrorCode::kUsage, "--distributed", joined(problems, ", "),
                "Start the processes with torchrun --no-python or srun, or set RANK, WORLD_SIZE, MASTER_ADDR and "
                "MASTER_PORT (docs/scale.md).");
  return membership;
}

}  // namespace fovea::pipeline::train
