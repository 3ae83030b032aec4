#include "batch/status.h"

#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/file_lock.h>

namespace fovea::pipeline::batch {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::array kStates{State::kPending, State::kRunning, State::kDone, State::kPartial, State::kFailed};
constexpr char kBetween = '@';  // in no safe name
constexpr std::size_t kKeyShown = 12;

State state_of(const std::string& name) {
  for (const State state : kStates)
    if (name == state_name(state)) return state;
  return State::kPending;
}

[[noreturn]] void cannot_move(const fs::path& folder, const std::error_code& error) {
  throw Error(ErrorCode::kWriteFailed, folder.filename().string(),
              "its results cannot be put in place (" + error.message() + ")",
              "Check the disk of the output folder and that you may write to it.");
}

void move(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) cannot_move(to, error);
}

}  // namespace

const char* state_name(State state) {
  switch (state) {
    case State::kPending: return "pending";
    case State::kRunning: return "running";
    case State::kDone: return "done";
    case State::kPartial: return "partial";
    case State::kFailed: return "failed";
  }
  return "pending";
}

BatchFolder::BatchFolder(fs::path out) : out_(std::move(out)) {
  io::prepare_output_folder(out_);
  for (const char* name : {"status", "cases", "work"}) io::prepare_output_folder(out_ / name);
}

CaseStatus BatchFolder::status(const std::string& id, const std::string& key) const {
  CaseStatus status;
  status.key = key;
  std::ifstream stream(status_file(id), std::ios::binary);
  const Json json = Json::parse(std::string(std::istreambuf_iterator<char>(stream), {}), nullptr, false);
  if (!json.is_object()) return status;
  try {
    if (json.at("key") != key) return status;
    CaseStatus read;
    read.key = key, read.state = state_of(json.at("state"));
    read.exit_code = json.at("exit_code"), read.seconds = json.at("seconds");
    read.attempts = json.at("attempts"), read.deaths = json.at("deaths");
    read.code = json.at("code"), read.problem = json.at("problem");
    read.notices = json.at("notices").get<std::vector<std::string>>();
    read.outputs = json.at("outputs").get<std::vector<std::string>>();
    return read;
  } catch (const Json::exception&) {
    return status;
  }
}

void BatchFolder::write(const Case& item, const CaseStatus& status) const {
  const Json json{{"fovea_batch_case", 1},
                  {"case", item.id},
                  {"line", item.line},
                  {"job", item.request.kind},
                  {"state", state_name(status.state)},
                  {"key", status.key},
                  {"exit_code", status.exit_code},
                  {"seconds", status.seconds},
                  {"attempts", status.attempts},
                  {"deaths", status.deaths},
                  {"code", status.code},
                  {"problem", status.problem},
                  {"notices", status.notices},
                  {"outputs", status.outputs},
                  {"program", "fovea " + version()}};
  io::write_file(status_file(item.id), json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

double BatchFolder::written(const std::string& id) const {
  struct stat facts {};
  if (::stat(status_file(id).c_str(), &facts) != 0) return 0;
  return static_cast<double>(facts.st_mtim.tv_sec) + 1e-9 * static_cast<double>(facts.st_mtim.tv_nsec);
}

fs::path BatchFolder::begin_work(const std::string& id, const std::string& key, const std::string& token) const {
  const std::string of_case = id + kBetween, of_key = of_case + key.substr(0, kKeyShown) + kBetween;
  const fs::path ours = out_ / "work" / (of_key + token);
  std::vector<fs::path> left;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(out_ / "work", error))
    if (entry.path().filename().string().rfind(of_case, 0) == 0) left.push_back(entry.path());
  for (const fs::path& folder : left) {
    const bool same = folder.filename().string().rfind(of_key, 0) == 0;
    if (same && !fs::exists(ours, error))
      move(folder, ours);
    else
      fs::remove_all(folder, error);
  }
  if (!fs::exists(ours, error)) io::prepare_output_folder(ours);
  for (const auto& entry : fs::recursive_directory_iterator(ours, error))
    if (entry.is_directory(error)) io::remove_stale_temporaries(entry.path(), [](const std::string&) { return false; });
  io::remove_stale_temporaries(ours, [](const std::string&) { return false; });
  return ours;
}

void BatchFolder::publish(const std::string& id, const fs::path& work) const {
  const fs::path target = results(id), older = work.string() + kBetween + "older";
  std::error_code error;
  const bool replaces = fs::exists(target, error);
  if (replaces) move(target, older);
  fs::rename(work, target, error);
  if (error) {
    std::error_code ignored;
    if (replaces) fs::rename(older, target, ignored);
    cannot_move(target, error);
  }
  fs::remove_all(older, error);
}

}  // namespace fovea::pipeline::batch
