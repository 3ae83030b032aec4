#include "batch/batch_run.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "batch/redaction.h"
#include "log/log.h"
#include "slide/words.h"

namespace fovea::pipeline::batch {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kMostDeaths = 3;  // a case that takes its process with it must not take all of them
constexpr auto kLookAgain = std::chrono::seconds(2);
constexpr std::uintmax_t kAsGoodAsFull = 16 << 20;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// A full or broken disk fails every case after this one too.
bool folder_broken(const fs::path& out) {
  std::error_code error;
  if (fs::space(out, error).available < kAsGoodAsFull || error) return true;
  try {
    io::prepare_output_folder(out);
  } catch (const Error&) {
    return true;
  }
  return false;
}

void remove_if_empty(const fs::path& folder) {
  std::error_code ignored;
  fs::remove(folder, ignored);
}

}  // namespace

std::size_t Tally::of(State state) const {
  return static_cast<std::size_t>(
      std::count_if(statuses.begin(), statuses.end(), [&](const CaseStatus& status) { return status.state == state; }));
}

BatchRun::BatchRun(const std::vector<Case>& cases, const BatchFolder& folder, const RunOptions& options,
                   ProgressMeter& meter)
    : cases_(cases),
      folder_(folder),
      options_(options),
      meter_(meter),
      keys_(options.by_content),
      key_of_(cases.size()),
      leases_(folder.leases(), std::chrono::duration<double>(options.lease_seconds)),
      began_(leases_.now()) {}

Tally BatchRun::run() {
  std::size_t busy = pass();
  while (options_.wait && busy > 0) {
    std::this_thread::sleep_for(kLookAgain);
    throw_if_stopped(meter_.stop());
    busy = pass();
  }
  Tally tally;
  for (std::size_t i = 0; i < cases_.size(); ++i) tally.statuses.push_back(folder_.status(cases_[i].id, key(i)));
  tally.elsewhere = std::min(leases_.held(), tally.of(State::kRunning));
  tally.ran = ran_;
  return tally;
}

/// How many cases others have.
std::size_t BatchRun::pass() {
  std::size_t busy = 0;
  settled_ = 0;
  const auto first = static_cast<std::size_t>(options_.first * static_cast<double>(cases_.size()));
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    throw_if_stopped(meter_.stop());
    const Visit visited = visit((first + i) % cases_.size());
    busy += visited == Visit::kBusy;
    settled_ += visited != Visit::kBusy;
  }
  return busy;
}

BatchRun::Visit BatchRun::visit(std::size_t index) {
  const Case& item = cases_[index];
  if (settled(item, folder_.status(item.id, key(index)))) return Visit::kSettled;
  const std::unique_ptr<Lease> lease = leases_.take(item.id);
  if (!lease) return Visit::kBusy;
  const CaseStatus status = folder_.status(item.id, key(index));  // another may have ended since
  if (settled(item, status)) return Visit::kSettled;
  run_case(index, status, *lease);
  ++ran_;
  return Visit::kRan;
}

bool BatchRun::settled(const Case& item, const CaseStatus& status) const {
  if (status.state == State::kDone) return true;
  if (status.state != State::kFailed && status.state != State::kPartial) return false;
  return !options_.retry_failed || folder_.written(item.id) >= began_;
}

void BatchRun::run_case(std::size_t index, CaseStatus status, Lease& lease) {
  const Case& item = cases_[index];
  // Running, yet nobody holds it.
  status.deaths = status.state == State::kRunning ? status.deaths + 1 : 0;
  if (status.deaths >= kMostDeaths) {
    status.state = State::kFailed, status.exit_code = 3, status.code = "crashed";
    status.problem = "the process that ran it ended without a word " + std::to_string(status.deaths) +
                     " times. Try --isolate with --retry-failed.";
    folder_.write(item, status);
    advance(1, item.id + ": " + status.problem);
    return;
  }
  const fs::path work = folder_.begin_work(item.id, status.key, lease.token());
  ++status.attempts;
  status.state = State::kRunning;
  status.notices.clear(), status.outputs.clear(), status.code.clear(), status.problem.clear();
  folder_.write(item, status);
  log_info("case " + item.id + " begins (" + item.request.kind + ")");
  advance(0);
  const Clock::time_point start = Clock::now();
  const std::optional<Outcome> outcome = outcome_of(index, request_in(item, work), status, lease);
  if (!outcome || !lease.still_ours()) {
    log_warning("case " + item.id + ": another process took it over; its result here is dropped");
    return;
  }
  status.seconds = seconds_since(start);
  finish(item, status, *outcome, work);
  const CaseStatus now = folder_.status(item.id, status.key);
  advance(1, item.id + ": " + state_name(now.state) + ", " + slide::fixed_text(now.seconds, 1) + " s" +
                 (now.problem.empty() ? "" : ", " + now.problem));
}

/// Nothing when the lease was lost on the way.
std::optional<Outcome> BatchRun::outcome_of(std::size_t index, const JobRequest& request, CaseStatus status,
                                            const Lease& lease) {
  std::stop_source stop;
  const std::stop_callback told(meter_.stop(), [&] { stop.request_stop(); });
  const std::stop_callback lost(lease.lost(), [&] { stop.request_stop(); });
  const auto advanced = [&](double share) {
    throw_if_stopped(stop.get_token());
    advance(std::clamp(share, 0.0, 0.99));
  };
  try {
    return options_.isolate ? run_isolated(request, options_.limits, advanced, stop.get_token())
                            : run_here(request, advanced, stop.get_token());
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled && !meter_.stop().stop_requested()) return {};
    --status.attempts;
    status.state = State::kPending;
    folder_.write(cases_[index], status);
    throw;
  }
}

void BatchRun::finish(const Case& item, CaseStatus status, const Outcome& outcome, const fs::path& work) {
  const Redaction redacted(item.request, work);
  const JobResult& result = outcome.result;
  status.exit_code = result.exit_code;
  for (const std::string& notice : result.notices) status.notices.push_back(redacted(notice));
  if (result.exit_code == 0 || result.exit_code == 2) {
    for (const fs::path& output : result.outputs) status.outputs.push_back(output.lexically_relative(work).string());
    if (!result.json.empty()) io::write_file(work / "job-result.json", result.json + "\n");
    folder_.publish(item.id, work);
    status.state = result.exit_code == 0 ? State::kDone : State::kPartial;
    folder_.write(item, status);
    return;
  }
  remove_if_empty(work);
  status.state = State::kFailed, status.code = outcome.code, status.problem = redacted(outcome.problem);
  const bool all_would_fail =
      outcome.code == error_code_name(ErrorCode::kDevice) ||
      (outcome.code == error_code_name(ErrorCode::kWriteFailed) && folder_broken(folder_.out()));
  if (all_would_fail) {
    status.state = State::kPending;
    folder_.write(item, status);
    throw Error(outcome.code == error_code_name(ErrorCode::kDevice) ? ErrorCode::kDevice : ErrorCode::kWriteFailed,
                "case " + item.id, "it failed as every case after it would: " + status.problem,
                "Run the same command again when that is mended; nothing is lost.");
  }
  folder_.write(item, status);
}

void BatchRun::advance(double share, const std::string& note) {
  const double done = static_cast<double>(settled_) + share;
  meter_.advance(std::min(1.0, done / static_cast<double>(cases_.size())), note);
}

const std::string& BatchRun::key(std::size_t index) {
  if (key_of_[index].empty()) key_of_[index] = keys_.key_of(cases_[index]);
  return key_of_[index];
}

Tally tally_of(const std::vector<Case>& cases, const BatchFolder& folder, bool by_content) {
  CaseKeys keys(by_content);
  Tally tally;
  for (const Case& item : cases) tally.statuses.push_back(folder.status(item.id, keys.key_of(item)));
  return tally;
}

}  // namespace fovea::pipeline::batch
