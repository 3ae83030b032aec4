// Training runs that the window follows: each in a process of its own, which goes on when the window ends. No widgets.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QStringList>
#include <QTimer>

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <fovea/pipeline/training_view.h>

#include "model/curve.h"
#include "model/engine.h"
#include "model/settings.h"

namespace fovea::gui {

/// Time left from how the share done has moved lately. What a resumed run finds done is no speed: a new stage begins a
/// new measurement, at its second report.
class TimeLeft {
 public:
  /// `seconds`: of any steady clock.
  void report(const QString& stage, double fraction, double seconds);
  double seconds() const;  ///< < 0: not known yet

 private:
  double rate() const;  ///< share a second
  struct Sample {
    double fraction, seconds;
  };
  QString stage_;
  int reports_ = 0;
  std::vector<Sample> samples_;     ///< of the last minutes, oldest first
  double fraction_ = 0, rate_ = 0;  ///< the newest; of an earlier stage, until this one has its own
};

/// What is plotted of a run.
enum class Quantity { kLoss, kScore, kEntropy, kTop10, kFound };
std::vector<Quantity> quantitiesOf(const pipeline::TrainingRun& run);
QString quantityName(Quantity quantity, const pipeline::TrainingRun& run);
/// One curve a fold that has begun, two for the loss where validation has one. Colour and name tell the fold.
std::vector<Curve> curvesOf(const pipeline::TrainingRun& run, Quantity quantity);
QString foldName(const pipeline::TrainingFold& fold);
/// "seed 0, fold 1: epoch 12 of 50, best 0.914 in epoch 9, trained"
QString foldText(const pipeline::TrainingFold& fold, const pipeline::TrainingRun& run);
QString trainingStateText(const pipeline::TrainingRun& run, bool stopping);

class Training : public QObject {
  Q_OBJECT

 public:
  /// Both are borrowed.
  Training(Engine& engine, Settings& settings, QObject* parent = nullptr);

  /// Run folders, the newest first; kept in the settings.
  QStringList folders() const;
  /// Follows it from now on. A folder without a run ends in failed().
  void open(const QString& folder);
  void forget(const QString& folder);
  const QString& folder() const { return folder_; }
  std::shared_ptr<const pipeline::TrainingRun> run() const { return run_; }

  void start(const pipeline::JobRequest& request);
  void resume();
  void stop();
  bool isRunning() const { return run_ && run_->status.state == pipeline::JobStatus::State::kRunning; }
  bool isStopping() const { return stopping_; }
  /// A process of another machine cannot be told from here.
  bool mayStop() const { return isRunning() && !stopping_ && run_->status.process > 0; }
  double secondsLeft() const { return isRunning() ? left_.seconds() : -1; }

  /// Folders of runs that go on, as far as this window knows; looks at their files.
  QStringList runningFolders() const;
  /// Stops them all, without waiting for their ends.
  void stopAll();

  /// Copies the model of a fold to where the run panel looks for models; then modelKept().
  void keepModel(int fold);
  /// The trained fold with the best validation score; -1: none is trained.
  int bestFold() const;

  /// Looks at the files now; done by itself once a second while a run is followed.
  void poll();

 Q_SIGNALS:
  void changed();
  void foldersChanged();
  /// A run that was going on when last looked at has ended.
  void ended(const QString& folder, fovea::pipeline::JobStatus::State state);
  void modelKept(const QString& name);
  void failed(const QString& sentence, const QString& details);

 private:
  void take(std::shared_ptr<const pipeline::TrainingRun> run);
  void remember(const QString& folder);
  void launch(const QString& folder, std::function<void()> start);

  Engine& engine_;
  Settings& settings_;
  QString folder_;
  std::shared_ptr<const pipeline::TrainingRun> run_;
  QTimer timer_;
  QElapsedTimer clock_;
  TimeLeft left_;
  int generation_ = 0;  // how often a folder was opened; answers for an earlier one are dropped
  bool asking_ = false, stopping_ = false, stop_sent_ = false;
};

}  // namespace fovea::gui
