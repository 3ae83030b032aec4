#include "batch/summary.h"

#include <array>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "slide/csv_table.h"
#include "slide/words.h"

namespace fovea::pipeline::batch {
namespace {

constexpr std::size_t kFailuresShown = 10;
constexpr std::array kStates{State::kDone, State::kPartial, State::kFailed, State::kRunning, State::kPending};

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

}  // namespace

int exit_code_of(const Tally& tally) {
  const std::size_t done = tally.of(State::kDone), partial = tally.of(State::kPartial);
  const std::size_t expected = tally.statuses.size() - tally.elsewhere;
  if (done == expected && partial == 0) return 0;
  return done + partial > 0 || tally.elsewhere > 0 ? 2 : 3;
}

std::string summary_csv(const std::vector<Case>& cases, const Tally& tally) {
  std::string csv = "line,case,job,state,exit_code,attempts,seconds,outputs,code,problem\n";
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const CaseStatus& status = tally.statuses[i];
    std::string outputs;
    for (const std::string& output : status.outputs) outputs += (outputs.empty() ? "" : ";") + output;
    csv += std::to_string(cases[i].line) + "," + cases[i].id + "," + cases[i].request.kind + "," +
           state_name(status.state) + "," + std::to_string(status.exit_code) + "," + std::to_string(status.attempts) +
           "," + slide::fixed_text(status.seconds, 2) + "," + slide::csv_cell(outputs) + "," + status.code + "," +
           slide::csv_cell(one_line(status.problem)) + "\n";
  }
  return csv;
}

std::string summary_json(const Tally& tally) {
  nlohmann::ordered_json json{{"fovea_batch", 1}, {"cases", tally.statuses.size()}};
  for (const State state : kStates) json[state_name(state)] = tally.of(state);
  double seconds = 0;
  std::map<std::string, std::size_t> codes;
  for (const CaseStatus& status : tally.statuses) {
    seconds += status.seconds;
    if (status.state == State::kFailed) ++codes[status.code];
  }
  json["run_by_this_process"] = tally.ran;
  json["seconds_of_all_cases"] = seconds;
  json["failures"] = codes;
  json["program"] = "fovea " + version();
  return json.dump(2);
}

std::string summary_text(const std::vector<Case>& cases, const Tally& tally) {
  std::string text = std::to_string(cases.size()) + (cases.size() == 1 ? " case: " : " cases: ");
  const std::size_t interrupted = tally.of(State::kRunning) - tally.elsewhere + tally.of(State::kPending);
  const std::array<std::pair<std::size_t, const char*>, 5> counts{{{tally.of(State::kDone), "done"},
                                                                   {tally.of(State::kPartial), "partial"},
                                                                   {tally.of(State::kFailed), "failed"},
                                                                   {tally.elsewhere, "being run elsewhere"},
                                                                   {interrupted, "to be done"}}};
  std::string list;
  for (const auto& [count, words] : counts)
    if (count > 0) list += (list.empty() ? "" : ", ") + std::to_string(count) + " " + words;
  text += list + " (" + std::to_string(tally.ran) + " run now)\n";
  std::size_t shown = 0;
  for (std::size_t i = 0; i < cases.size() && shown < kFailuresShown; ++i) {
    if (tally.statuses[i].state != State::kFailed) continue;
    text += "  " + cases[i].id + ": " + one_line(tally.statuses[i].problem) + "\n";
    ++shown;
  }
  if (const std::size_t failed = tally.of(State::kFailed); failed > shown)
    text += "  and " + std::to_string(failed - shown) + " more, see summary.csv\n";
  return text;
}

}  // namespace fovea::pipeline::batch
