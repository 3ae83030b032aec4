#include "model/engine.h"

namespace fovea::gui {
namespace {

constexpr int kQuestions = 2;  // at once: decoding and hashing should not take the cores from a job

JobOutcome run(const pipeline::JobRequest& request, const pipeline::ProgressSink& sink, std::stop_token stop) {
  JobOutcome outcome;
  try {
    outcome.result = pipeline::run_job(request, sink, std::move(stop));
    outcome.good = outcome.result.exit_code == 0;
    if (!outcome.good) outcome.failure = {Engine::tr("Some of it could not be done."), {}, false};
  } catch (const std::exception& error) {
    outcome.failure = failureOf(error);
  }
  return outcome;
}

}  // namespace

Engine::Engine(QObject* parent) : QObject(parent) {
  pool_.setMaxThreadCount(kQuestions);
}

Engine::~Engine() {
  stop_.request_stop();
  for (auto& [id, job] : jobs_) job.stop.request_stop();
  pool_.clear();
  pool_.waitForDone();
  for (auto& [id, job] : jobs_) {
    job.thread->wait();
    delete job.thread;
  }
}

void Engine::deliver(std::function<void()> call) {
  QMetaObject::invokeMethod(this, std::move(call), Qt::QueuedConnection);
}

void Engine::start(qint64 id, const pipeline::JobRequest& request) {
  std::stop_source stop;
  QThread* thread = QThread::create([this, id, request, token = stop.get_token()] {
    const auto sink = [this, id](const pipeline::Progress& progress) {
      deliver([this, id, progress] { Q_EMIT progressed(id, progress); });
    };
    auto outcome = std::make_shared<JobOutcome>(run(request, sink, token));
    deliver([this, id, outcome] {
      const auto found = jobs_.find(id);
      if (found == jobs_.end()) return;
      found->second.thread->wait();
      delete found->second.thread;
      jobs_.erase(found);
      Q_EMIT finished(id, *outcome);
    });
  });
  jobs_.emplace(id, Running{thread, stop});
  thread->start(QThread::LowPriority);
}

void Engine::cancel(qint64 id) {
  if (const auto found = jobs_.find(id); found != jobs_.end()) found->second.stop.request_stop();
}

}  // namespace fovea::gui
