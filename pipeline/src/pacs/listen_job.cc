// `pacs listen`: series in, segmented by rule, results back; everything in between is on the disk.
#include "pacs/pacs_jobs.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/dicom_pdf.h>

#include "batch/redaction.h"
#include "batch/run_case.h"
#include "log/log.h"
#include "pacs/peer.h"
#include "pacs/queue.h"
#include "pacs/rules.h"
#include "problems.h"

namespace fovea::pipeline {
namespace pacs {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kMostAttempts = 3;  // of segmenting; sending goes on for --give-up-hours
constexpr std::int64_t kLongestPause = 900;

class Listener {
 public:
  Listener(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : values_(values),
        sink_(sink),
        stop_(std::move(stop)),
        rules_(checked_rules(values)),
        queue_(values.text("queue")) {
    io::StoreServerOptions options;
    options.port = static_cast<int>(values.integer("port"));
    options.ae = values.text("ae");
    options.allow_ae = values.list("allow-ae"), options.allow_host = values.list("allow-host");
    options.timeout_s = static_cast<int>(values.integer("timeout"));
    options.tls = tls_of(values), options.limits = limits_of(values);
    options.spool = queue_.spool();
    server_.emplace(
        options, [this](const io::ReceivedObject& object) { queue_.add(object); },
        [this](const std::string& text) { note(text); });
  }

  JobResult run() {
    note("listening on port " + std::to_string(values_.integer("port")) + " as " + values_.text("ae"));
    std::jthread receiving([this](std::stop_token end) { server_->run(end); });
    while (!stop_.stop_requested()) {
      for (const std::string& name : queue_.complete_quiet(static_cast<int>(values_.integer("quiet-seconds"))))
        note(name + ": complete");
      for (QueuedSeries& series : queue_.waiting()) {
        if (stop_.stop_requested()) break;
        if (series.state.not_before <= unix_now()) work_on(series);
      }
      queue_.purge(values_.number("keep-hours"));
      pause();
    }
    receiving.request_stop();
    JobResult result;
    result.text = "stopped; " + std::to_string(queue_.waiting().size()) + " series wait in the queue, " +
                  std::to_string(queue_.receiving_count()) + " were arriving\n";
    result.json = nlohmann::json{{"finished", finished_}, {"failed", failed_}}.dump(2);
    return result;
  }

 private:
  static Rules checked_rules(const JobValues& values) {
    std::vector<std::string> problems;
    const auto within = [&](const char* name, std::int64_t least, std::int64_t most) {
      if (values.integer(name) < least || values.integer(name) > most)
        problems.push_back(std::string("--") + name + " must lie between " + std::to_string(least) + " and " +
                           std::to_string(most));
    };
    within("port", 1, 65535), within("timeout", 1, 3600), within("quiet-seconds", 1, 86400);
    within("retry-seconds", 1, kLongestPause);
    if (!(values.number("keep-hours") >= 0)) problems.push_back("--keep-hours must not be negative");
    if (!(values.number("case-seconds") >= 0)) problems.push_back("--case-seconds must not be negative");
    if (!(values.number("case-memory-gb") >= 0)) problems.push_back("--case-memory-gb must not be negative");
    if (!(values.number("give-up-hours") > 0)) problems.push_back("--give-up-hours must be positive");
    refuse_problems(problems, values.request().kind);
    return read_rules(values.text("rules"), values.text("ae"));
  }

  void note(const std::string& text) {
    std::lock_guard lock(note_mutex_);
    log_info(text);
    if (sink_) sink_({"listening", -1, -1, text, {}});
  }

  void pause() {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any waker;
    waker.wait_for(lock, stop_, std::chrono::milliseconds(500), [] { return false; });
  }

  void work_on(QueuedSeries& series) {
    try {
      if (series.state.stage == "segment") segment(series);
      if (series.state.stage == "send" && series.state.not_before <= unix_now()) send(series);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled) return;  // begun again by the next process
      if (error.code() == ErrorCode::kWriteFailed || error.code() == ErrorCode::kOutOfMemory)
        later(series, error.problem());
      else
        failed(series, error.problem());
    }
  }

  void segment(QueuedSeries& series) {
    SeriesState& state = series.state;
    const Rule* rule = rules_.fitting(state.calling_ae, state.modality, state.description);
    if (!rule) {
      queue_.finish(series, "no rule fits");
      note(series.name() + ": no rule fits");
      return;
    }
    if (state.attempts >= kMostAttempts)
      return failed(series, state.problem.empty()
                                ? "the process died " + std::to_string(kMostAttempts) + " times over it"
                                : state.problem);
    state.rule = rule->name;
    ++state.attempts;  // before, so that a series that kills the process does so a few times only
    queue_.save(series);
    note(series.name() + ": segmenting by rule '" + rule->name + "'");
    const fs::path result = series.folder / "result";
    fs::remove_all(result);
    JobRequest request{"mri segment", rule->segment};
    request.values["volumes"] = std::vector<std::string>{(series.folder / "source").string()};
    request.values["out"] = result.string();
    request.values["dicom-seg"] = (result / "segmentation.dcm").string();
    run_apart(request, result);
    io::write_encapsulated_pdf(result / "report.dcm", result / "report.pdf", series.folder / "source",
                               "Segmentation report (research only)");
    state.stage = "send", state.attempts = 0, state.not_before = 0, state.since = unix_now(), state.problem.clear();
    queue_.save(series);
  }

  /// In a process of its own under limits: what a sender makes of an image must not end the listener.
  void run_apart(const JobRequest& request, const fs::path& result) const {
    const batch::Outcome outcome = batch::run_isolated(
        request, {values_.number("case-seconds"), values_.number("case-memory-gb")}, [](double) {}, stop_);
    const int code = outcome.result.exit_code;
    if (code == 0 || code == 2) return;
    const bool may_pass = outcome.code == error_code_name(ErrorCode::kWriteFailed) ||
                          outcome.code == error_code_name(ErrorCode::kOutOfMemory);
    throw Error(may_pass ? ErrorCode::kWriteFailed : ErrorCode::kCorrupt, "series",
                batch::Redaction(request, result)(outcome.problem));
  }

  void send(QueuedSeries& series) {
    const Rule* rule = rules_.named(series.state.rule);
    if (!rule) return failed(series, "the rule '" + series.state.rule + "' is not in the file any more");
    std::vector<fs::path> files;
    if (rule->send_seg) files.push_back(series.folder / "result/segmentation.dcm");
    if (rule->send_pdf) files.push_back(series.folder / "result/report.dcm");
    std::string problem;
    try {
      for (const io::PacsStored& stored : io::pacs_store(rules_.destinations.at(rule->destination), files, {}, stop_))
        if (!stored.ok) problem = stored.problem;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled) throw;
      problem = error.problem();
    }
    if (!problem.empty()) {
      ++series.state.attempts;
      if (static_cast<double>(unix_now() - series.state.since) > values_.number("give-up-hours") * 3600)
        return failed(series, problem);
      return later(series, problem);
    }
    queue_.finish(series);
    ++finished_;
    note(series.name() + ": results sent to '" + rule->destination + "'");
  }

  void later(QueuedSeries& series, const std::string& problem) {
    const std::int64_t doubled = values_.integer("retry-seconds")
                                 << std::clamp<std::int64_t>(series.state.attempts - 1, 0, 9);
    const std::int64_t wait = std::min(kLongestPause, doubled);
    series.state.problem = problem;
    series.state.not_before = unix_now() + wait;
    note(series.name() + ": " + problem + "; again in " + std::to_string(wait) + " s");
    try {
      queue_.save(series);
    } catch (const Error&) {  // a full disk: the state before is as good
    }
  }

  void failed(QueuedSeries& series, const std::string& problem) {
    queue_.fail(series, problem);
    ++failed_;
    log_warning(series.name() + ": failed: " + problem);
    note(series.name() + ": failed: " + problem);
  }

  const JobValues& values_;
  const ProgressSink& sink_;
  std::stop_token stop_;
  Rules rules_;
  Queue queue_;
  std::optional<io::StoreServer> server_;
  std::mutex note_mutex_;
  int finished_ = 0, failed_ = 0;
};

void add_options(std::vector<Parameter>& p) {
  using T = ParameterType;
  p.push_back({.name = "rules",
               .type = T::kFile,
               .help = "Which series to segment, how, and where results go (JSON)",
               .required = true});
  p.push_back({.name = "queue",
               .type = T::kOutputFolder,
               .help = "Folder of the queue; holds images, on a private disk",
               .required = true});
  p.push_back(
      {.name = "allow-ae", .type = T::kTextList, .help = "AE titles that may send; * for any", .required = true});
  p.push_back({.name = "allow-host", .type = T::kTextList, .help = "Addresses that may send (default: any)"});
  p.push_back({.name = "port", .type = T::kInteger, .help = "Port to listen on", .fallback = std::int64_t{11112}});
  p.push_back({.name = "ae", .type = T::kText, .help = "Our AE title", .fallback = std::string("FOVEA")});
  p.push_back({.name = "timeout",
               .type = T::kInteger,
               .help = "Seconds after which a silent sender is dropped",
               .fallback = std::int64_t{30}});
  p.push_back({.name = "quiet-seconds",
               .type = T::kInteger,
               .help = "A series is complete when nothing of it came for this long",
               .fallback = std::int64_t{30}});
  p.push_back({.name = "retry-seconds",
               .type = T::kInteger,
               .help = "Pause before results are sent again; doubled each time, up to 900",
               .fallback = std::int64_t{10}});
  p.push_back({.name = "give-up-hours",
               .type = T::kNumber,
               .help = "Results that could not be sent for this long fail",
               .fallback = 72.0});
  p.push_back({.name = "keep-hours",
               .type = T::kNumber,
               .help = "How long images and results stay after they were sent",
               .fallback = 24.0});
  p.push_back({.name = "case-seconds",
               .type = T::kNumber,
               .help = "A segmentation that takes longer is ended (0 = no limit)",
               .fallback = 3600.0,
               .group = "Limits"});
  p.push_back({.name = "case-memory-gb",
               .type = T::kNumber,
               .help = "Memory that a segmentation may take, in GiB (0 = the machine's)",
               .fallback = 0.0,
               .group = "Limits"});
  add_tls(p);
  add_limits(p);
}

}  // namespace
}  // namespace pacs

JobKind pacs_listen_job() {
  JobKind kind;
  kind.name = "pacs listen";
  kind.summary = "Receive series, segment them by rule, send results back";
  kind.details =
      "A C-STORE provider with its queue on the disk: an object is answered when it is safe there, and a process that "
      "is killed\nat any moment is gone on with by the next. Ctrl-C ends it with code 0. See docs/pacs.md for the "
      "rules.\n"
      "Exit codes: 0 stopped, 1 wrong usage (rules, port, certificates), 3 the queue cannot be used.\n"
      "Example: fovea pacs listen --rules rules.json --queue /var/lib/fovea/queue --allow-ae MR1,ORTHANC";
  pacs::add_options(kind.parameters);
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return pacs::Listener(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
