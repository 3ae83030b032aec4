#include "model/run_queue.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <cmath>

#include "model/engine_text.h"
#include "model/units.h"

namespace fovea::gui {
namespace {

constexpr int kMostLogLines = 2000;

}  // namespace

LiveState liveState(const QByteArray& json) {
  const QJsonObject live = QJsonDocument::fromJson(json).object().value(QLatin1String("live")).toObject();
  LiveState state;
  state.seen = live.value(QLatin1String("seen")).toInteger();
  state.of = live.value(QLatin1String("of")).toInteger();
  state.leading = live.value(QLatin1String("leading")).toString();
  const QJsonObject probabilities = live.value(QLatin1String("probabilities")).toObject();
  for (auto it = probabilities.begin(); it != probabilities.end(); ++it)
    state.probabilities.insert(it.key(), it.value().toDouble());
  state.stability = live.value(QLatin1String("stability")).toDouble(-1);
  for (const QJsonValue& bound : live.value(QLatin1String("unseen_mass_bound")).toArray())
    state.unseen_mass = std::max(state.unseen_mass, bound.toDouble());
  return state;
}

QString outFolderOf(const pipeline::JobRequest& request) {
  const auto found = request.values.find("out");
  const auto* text = found == request.values.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text ? QString::fromStdString(*text) : QString();
}

QString runStateText(const Run& run) {
  switch (run.state) {
    case Run::State::kWaiting: return RunQueue::tr("waiting");
    case Run::State::kRunning: return run.cancelling ? RunQueue::tr("cancelling") : RunQueue::tr("running");
    case Run::State::kDone: return RunQueue::tr("done");
    case Run::State::kFailed: return RunQueue::tr("failed");
    case Run::State::kCancelled: return RunQueue::tr("cancelled");
  }
  return {};
}

RunQueue::RunQueue(Engine& engine, CaseListModel& cases, QObject* parent)
    : QAbstractTableModel(parent), engine_(engine), cases_(cases) {
  connect(&engine_, &Engine::progressed, this, &RunQueue::onProgress);
  connect(&engine_, &Engine::finished, this, &RunQueue::onFinished);
  for (const CaseRecord& record : cases_.store().recover()) {
    try {
      enqueue(record.id, pipeline::job_from_json(record.request.toStdString()));
    } catch (const std::exception& error) {
      setCase(record.id, CaseState::kFailed, failureOf(error).sentence);
    }
  }
}

int RunQueue::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(runs_.size());
}
int RunQueue::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : kColumns;
}

QVariant RunQueue::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || role != Qt::DisplayRole) return {};
  switch (section) {
    case kCase: return tr("Case");
    case kState: return tr("State");
    case kStage: return tr("Stage");
    default: return tr("Time");
  }
}

QVariant RunQueue::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= runs_.size()) return {};
  const Run& r = runs_[index.row()];
  if (role == Qt::ToolTipRole && !r.sentence.isEmpty()) return r.sentence;
  if (role != Qt::DisplayRole && role != Qt::AccessibleTextRole) return {};
  const bool running = r.state == Run::State::kRunning;
  switch (index.column()) {
    case kCase: return r.pseudonym;
    case kState:
      return running && r.fraction > 0 ? tr("%1, %2 %").arg(runStateText(r)).arg(std::lround(100 * r.fraction))
                                       : runStateText(r);
    case kStage: return running ? r.stage : r.sentence;
    default: {
      if (r.state == Run::State::kWaiting) return {};
      const QString spent = durationText(r.elapsed_seconds);
      return running && r.eta_seconds >= 0 ? tr("%1, about %2 left").arg(spent, durationText(r.eta_seconds)) : spent;
    }
  }
}

int RunQueue::rowOf(qint64 id) const {
  for (int i = 0; i < runs_.size(); ++i)
    if (runs_[i].id == id) return i;
  return -1;
}

const Run* RunQueue::activeOf(qint64 case_id) const {
  for (const Run& run : runs_)
    if (run.case_id == case_id && !run.ended()) return &run;
  return nullptr;
}

const Run* RunQueue::running() const {
  for (const Run& run : runs_)
    if (run.state == Run::State::kRunning) return &run;
  return nullptr;
}

int RunQueue::waiting() const {
  return static_cast<int>(
      std::count_if(runs_.begin(), runs_.end(), [](const Run& run) { return run.state == Run::State::kWaiting; }));
}

void RunQueue::changed(int row) {
  Q_EMIT dataChanged(index(row, 0), index(row, kColumns - 1));
  Q_EMIT advanced(runs_[row].case_id);
}

void RunQueue::note(Run& run, const QString& line) {
  if (run.log.size() < kMostLogLines)
    run.log.push_back(QDateTime::currentDateTime().toString(QStringLiteral("HH:mm:ss  ")) + line);
}

QString RunQueue::logOf(int row) const {
  const Run& run = runs_[row];
  QString text = run.log.join(QLatin1Char('\n'));
  if (!run.details.isEmpty()) text += QStringLiteral("\n\n") + run.details;
  return text;
}

void RunQueue::setCase(qint64 case_id, CaseState state, const QString& reason) {
  const CaseRecord* known = cases_.record(case_id);
  if (!known) return;
  CaseRecord record = *known;
  record.state = state, record.reason = reason;
  cases_.update(record);
}

qint64 RunQueue::enqueue(qint64 case_id, const pipeline::JobRequest& request) {
  if (const Run* active = activeOf(case_id)) return active->id;
  const CaseRecord* record = cases_.record(case_id);
  if (!record) return 0;
  Run run;
  run.id = next_id_++, run.case_id = case_id, run.pseudonym = record->pseudonym, run.request = request;
  CaseRecord queued = *record;
  queued.state = CaseState::kQueued, queued.reason.clear();
  queued.request = QString::fromStdString(pipeline::to_json(request));
  cases_.update(queued);
  note(run, tr("queued"));
  const int row = static_cast<int>(runs_.size());
  beginInsertRows({}, row, row);
  runs_.push_back(run);
  endInsertRows();
  startNext();
  return run.id;
}

void RunQueue::startNext() {
  if (running()) return;
  for (int row = 0; row < runs_.size(); ++row) {
    Run& run = runs_[row];
    if (run.state != Run::State::kWaiting) continue;
    run.state = Run::State::kRunning;
    clock_.start();
    note(run, tr("started"));
    setCase(run.case_id, CaseState::kRunning);
    engine_.start(run.id, run.request);
    changed(row);
    return;
  }
}

void RunQueue::onProgress(qint64 id, const pipeline::Progress& progress) {
  const int row = rowOf(id);
  if (row < 0) return;
  Run& run = runs_[row];
  const QString stage = engineText(progress.stage);
  if (stage != run.stage) note(run, stage);
  if (!progress.note.empty()) note(run, QString::fromStdString(progress.note));
  run.stage = stage, run.fraction = progress.fraction, run.eta_seconds = progress.eta_seconds;
  run.elapsed_seconds = static_cast<double>(clock_.elapsed()) / 1000;
  cases_.setPercent(run.case_id, static_cast<int>(std::lround(100 * progress.fraction)));
  changed(row);
  if (!progress.data.empty())
    Q_EMIT live(run.case_id, liveState(QByteArray::fromStdString(progress.data)), outFolderOf(run.request));
}

void RunQueue::onFinished(qint64 id, const JobOutcome& outcome) {
  const int row = rowOf(id);
  if (row < 0) return;
  Run& run = runs_[row];
  run.elapsed_seconds = static_cast<double>(clock_.elapsed()) / 1000;
  for (const std::string& notice : outcome.result.notices) {
    run.notices.push_back(QString::fromStdString(notice));
    note(run, run.notices.back());
  }
  const CaseRecord* known = cases_.record(run.case_id);
  if (outcome.good) {
    run.state = Run::State::kDone, run.fraction = 1, run.sentence.clear();
    if (known) {
      CaseRecord record = *known;
      record.state = CaseState::kDone, record.reason.clear(), record.result = outFolderOf(run.request);
      cases_.update(record);
    }
  } else {
    run.state = outcome.failure.cancelled ? Run::State::kCancelled : Run::State::kFailed;
    run.sentence = outcome.failure.cancelled ? tr("Nothing was left behind.") : outcome.failure.sentence;
    run.details = outcome.failure.details;
    const bool had_result = known && !known->result.isEmpty();
    const CaseState idle = had_result ? CaseState::kDone : CaseState::kNew;
    setCase(run.case_id, outcome.failure.cancelled ? idle : CaseState::kFailed,
            outcome.failure.cancelled ? QString() : run.sentence);
  }
  note(run, runStateText(run));
  changed(row);
  Q_EMIT ended(run.case_id, outcome.good);
  startNext();
}

void RunQueue::cancel(int row) {
  Run& run = runs_[row];
  if (run.state == Run::State::kRunning) {
    run.cancelling = true;
    engine_.cancel(run.id);
  } else if (run.state == Run::State::kWaiting) {
    run.state = Run::State::kCancelled;
    const CaseRecord* known = cases_.record(run.case_id);
    setCase(run.case_id, known && !known->result.isEmpty() ? CaseState::kDone : CaseState::kNew);
  }
  changed(row);
}

void RunQueue::cancelRunning() {
  for (int row = 0; row < runs_.size(); ++row)
    if (runs_[row].state == Run::State::kRunning) cancel(row);
}

void RunQueue::retry(int row) {
  const Run old = runs_[row];
  if (old.ended()) enqueue(old.case_id, old.request);
}

void RunQueue::clearEnded() {
  beginResetModel();
  runs_.removeIf([](const Run& run) { return run.ended(); });
  endResetModel();
}

}  // namespace fovea::gui
