// Runs, one after the other: state, stage, time left, cancel, retry, log. Keeps the case list up to date.
#pragma once

#include <QAbstractTableModel>
#include <QElapsedTimer>
#include <QList>
#include <QMap>
#include <QStringList>

#include <fovea/pipeline/job.h>

#include "model/case_list_model.h"
#include "model/engine.h"

namespace fovea::gui {

/// What a live run says before its end (docs/live.md).
struct LiveState {
  qint64 seen = 0, of = 0;
  QString leading;
  QMap<QString, double> probabilities;
  double stability = -1;    ///< estimated probability that the leading class stays; < 0: not known
  double unseen_mass = -1;  ///< the most attention unseen tiles could take; < 0: no bound
};

struct Run {
  enum class State { kWaiting, kRunning, kDone, kFailed, kCancelled };
  qint64 id = 0, case_id = 0;
  QString pseudonym;
  pipeline::JobRequest request;
  State state = State::kWaiting;
  QString stage, sentence, details;
  double fraction = 0, eta_seconds = -1, elapsed_seconds = 0;
  bool cancelling = false;
  QStringList log, notices;
  bool ended() const { return state != State::kWaiting && state != State::kRunning; }
};

class RunQueue : public QAbstractTableModel {
  Q_OBJECT

 public:
  enum Column { kCase, kState, kStage, kTime, kColumns };

  /// Both are borrowed. Runs that a crash left queued are taken up again.
  RunQueue(Engine& engine, CaseListModel& cases, QObject* parent = nullptr);

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  qint64 enqueue(qint64 case_id, const pipeline::JobRequest& request);
  void cancel(int row);
  void cancelRunning();
  void retry(int row);
  void clearEnded();
  const Run& run(int row) const { return runs_[row]; }
  /// The run of this case that is waiting or running, or null.
  const Run* activeOf(qint64 case_id) const;
  const Run* running() const;
  int waiting() const;
  QString logOf(int row) const;

 Q_SIGNALS:
  void advanced(qint64 case_id);
  void live(qint64 case_id, const fovea::gui::LiveState& state, const QString& folder);
  void ended(qint64 case_id, bool good);

 private:
  void startNext();
  int rowOf(qint64 id) const;
  void onProgress(qint64 id, const pipeline::Progress& progress);
  void onFinished(qint64 id, const JobOutcome& outcome);
  void changed(int row);
  void note(Run& run, const QString& line);
  void setCase(qint64 case_id, CaseState state, const QString& reason = {});

  Engine& engine_;
  CaseListModel& cases_;
  QList<Run> runs_;
  qint64 next_id_ = 1;
  QElapsedTimer clock_;
};

LiveState liveState(const QByteArray& json);
QString runStateText(const Run& run);
QString outFolderOf(const pipeline::JobRequest& request);

}  // namespace fovea::gui
