// Reads on threads of its own; results arrive on the GUI thread, and only if nothing newer was asked for meanwhile.
#pragma once

#include <QObject>
#include <QString>
#include <QThreadPool>

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace fovea::gui {

struct LoadProblem {
  QString sentence;  ///< what is wrong and what to do, no path
  QString details;   ///< the error in full
};

class BackgroundLoader : public QObject {
  Q_OBJECT

 public:
  explicit BackgroundLoader(QObject* parent = nullptr);
  /// Waits for what is being read: no reader can be interrupted in the middle of a file.
  ~BackgroundLoader() override;

  /// `work(stop)` off the GUI thread, then `done(result)` or `failed(problem)` on it. A later call with the same `slot`
  /// replaces this one: its result is dropped and its stop token set.
  template <class Work, class Done, class Failed>
  void load(const QString& slot, Work work, Done done, Failed failed) {
    using Result = std::invoke_result_t<Work, std::stop_token>;
    auto result = std::make_shared<std::unique_ptr<Result>>();
    start(
        slot,
        [work = std::move(work), result](const std::stop_token& stop) {
          *result = std::make_unique<Result>(work(stop));
        },
        [done = std::move(done), result] { done(std::move(**result)); }, std::move(failed));
  }

  void cancel(const QString& slot);
  void cancelAll();
  bool busy() const { return running_ > 0; }

 Q_SIGNALS:
  void busyChanged(bool busy);

 private:
  void start(const QString& slot, std::function<void(const std::stop_token&)> work, std::function<void()> done,
             std::function<void(const LoadProblem&)> failed);
  void finish(const QString& slot, const std::stop_source& request, const std::function<void()>& deliver);

  QThreadPool pool_;
  std::map<QString, std::stop_source> latest_;
  int running_ = 0;
};

}  // namespace fovea::gui
