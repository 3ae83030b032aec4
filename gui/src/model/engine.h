// The window's one door to `pipeline`: short questions on a pool of threads, jobs each on a thread of its own. Answers
// come back on the window's thread.
#pragma once

#include <QObject>
#include <QPointer>
#include <QThread>
#include <QThreadPool>

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <fovea/pipeline/job.h>

#include "model/failure.h"

namespace fovea::gui {

struct JobOutcome {
  bool good = false;
  Failure failure;  ///< of a job that is not good
  pipeline::JobResult result;
};

class Engine : public QObject {
  Q_OBJECT

 public:
  explicit Engine(QObject* parent = nullptr);
  /// Stops everything and waits for it: at most about two seconds.
  ~Engine() override;

  /// `work(stop_token)` away from this thread, then `then(result)` on it; `failed(Failure)` instead when it threw.
  /// Nothing is called once `context` is gone.
  template <class Work, class Then>
  void ask(QObject* context, Work work, Then then, std::function<void(const Failure&)> failed = {}) {
    using Result = std::invoke_result_t<Work, std::stop_token>;
    const QPointer<QObject> guard(context);
    pool_.start([this, guard, work = std::move(work), then = std::move(then), failed = std::move(failed)]() mutable {
      try {
        auto result = std::make_shared<Result>(work(stop_.get_token()));
        deliver([guard, result, then = std::move(then)]() mutable {
          if (guard) then(std::move(*result));
        });
      } catch (const std::exception& error) {
        deliver([guard, failed = std::move(failed), failure = failureOf(error)] {
          if (guard && failed && !failure.cancelled) failed(failure);
        });
      }
    });
  }

  void start(qint64 job, const pipeline::JobRequest& request);
  void cancel(qint64 job);
  bool isRunning() const { return !jobs_.empty(); }

 Q_SIGNALS:
  void progressed(qint64 job, const fovea::pipeline::Progress& progress);
  void finished(qint64 job, const fovea::gui::JobOutcome& outcome);

 private:
  struct Running {
    QThread* thread;
    std::stop_source stop;
  };
  void deliver(std::function<void()> call);

  QThreadPool pool_;
  std::stop_source stop_;
  std::map<qint64, Running> jobs_;
};

}  // namespace fovea::gui
