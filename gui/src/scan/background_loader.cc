#include "scan/background_loader.h"

#include <QCoreApplication>

#include <new>
#include <optional>

#include <fovea/base/error.h>

#include "model/failure.h"

namespace fovea::gui {
namespace {

constexpr int kThreads = 2;  // a volume and a surface beside it

struct Text {
  Q_DECLARE_TR_FUNCTIONS(BackgroundLoader)
};

/// Nothing for a request that was cancelled.
std::optional<LoadProblem> problem_of(const std::function<void()>& work) {
  try {
    work();
    return std::nullopt;
  } catch (const Error& error) {
    return LoadProblem{failureOf(error).sentence, QString::fromUtf8(error.what())};
  } catch (const std::bad_alloc&) {
    return LoadProblem{Text::tr("There is not enough memory for this volume. Close other scans and open it again."),
                       QStringLiteral("std::bad_alloc")};
  } catch (const std::exception& error) {
    return LoadProblem{Text::tr("The file could not be read. Copy or export it again."),
                       QString::fromUtf8(error.what())};
  }
}

}  // namespace

BackgroundLoader::BackgroundLoader(QObject* parent) : QObject(parent) {
  pool_.setMaxThreadCount(kThreads);
}

BackgroundLoader::~BackgroundLoader() {
  cancelAll();
  pool_.clear();
  pool_.waitForDone();
}

void BackgroundLoader::cancel(const QString& slot) {
  if (const auto found = latest_.find(slot); found != latest_.end()) {
    found->second.request_stop();
    latest_.erase(found);
  }
}

void BackgroundLoader::cancelAll() {
  for (auto& [slot, request] : latest_) request.request_stop();
  latest_.clear();
}

void BackgroundLoader::start(const QString& slot, std::function<void(const std::stop_token&)> work,
                             std::function<void()> done, std::function<void(const LoadProblem&)> failed) {
  cancel(slot);
  const std::stop_source request;
  latest_.emplace(slot, request);
  if (++running_ == 1) Q_EMIT busyChanged(true);
  pool_.start([this, slot, request, work = std::move(work), done = std::move(done), failed = std::move(failed)] {
    std::function<void()> deliver = [] {};
    if (!request.stop_requested()) {
      const auto problem = problem_of([&] { work(request.get_token()); });
      deliver = problem ? std::function<void()>([failed, p = *problem] { failed(p); }) : done;
    }
    QMetaObject::invokeMethod(
        this, [this, slot, request, deliver] { finish(slot, request, deliver); }, Qt::QueuedConnection);
  });
}

void BackgroundLoader::finish(const QString& slot, const std::stop_source& request,
                              const std::function<void()>& deliver) {
  const auto found = latest_.find(slot);
  const bool wanted = found != latest_.end() && found->second == request && !request.stop_requested();
  if (wanted) latest_.erase(found);
  if (wanted) deliver();  // may start the next one: no flicker of the busy sign
  if (--running_ == 0) Q_EMIT busyChanged(false);
}

}  // namespace fovea::gui
