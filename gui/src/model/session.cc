#include "model/session.h"

#include <QDir>
#include <QFileInfo>
#include <QTimer>

#include <algorithm>

#include <fovea/pipeline/case_source.h>

#include "model/engine_text.h"

namespace fovea::gui {
namespace {

constexpr qsizetype kAddedAtOnce = 100;  // some milliseconds

qint64 size_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<qint64>(size);
}

struct Found {
  std::vector<CaseRecord> cases;
  QStringList problems;
};

Found find_all(const QStringList& paths, std::stop_token stop) {
  Found found;
  for (const QString& path : paths) {
    const auto sources = pipeline::find_case_sources(path.toStdString(), stop);
    if (sources.empty()) found.problems.push_back(Session::tr("Nothing in this folder is a slide or a scan."));
    for (const auto& source : sources) {
      if (source.kind == pipeline::SourceKind::kUnknown) {
        QString sentence = engineText(source.problem);
        sentence[0] = sentence[0].toUpper();
        found.problems.push_back(sentence + QLatin1Char('.'));
        continue;
      }
      CaseRecord record;
      record.kind = source.kind == pipeline::SourceKind::kSlide ? CaseKind::kSlide : CaseKind::kScan;
      record.path = QString::fromStdString(std::filesystem::absolute(source.path).string());
      record.patient = QString::fromStdString(source.patient);
      record.bytes = size_of(source.path);
      found.cases.push_back(std::move(record));
    }
  }
  return found;
}

}  // namespace

Session::Session(const QString& home, QObject* parent)
    : QObject(parent), settings_(home), store_(home), cases_(store_), queue_(engine_, cases_) {
  cases_.setNamesShown(settings_.namesShown());
  connect(&regions_, &RegionModel::saveFailed, this, [this](const QString& sentence) { Q_EMIT failed(sentence, {}); });
  connect(&queue_, &RunQueue::ended, this, [this](qint64 id, bool good) {
    if (id == current_ && good) loadResult();
    if (const CaseRecord* record = cases_.record(id); record && !good && record->state == CaseState::kFailed)
      Q_EMIT failed(tr("%1: %2").arg(record->pseudonym, record->reason), {});
  });
  connect(&queue_, &RunQueue::live, this, [this](qint64 id, const LiveState& state, const QString& folder) {
    if (id != current_) return;
    engine_.ask(
        this,
        [file = folder.toStdString() + "/attention_live.h5"](std::stop_token) {
          return std::make_shared<const pipeline::AttentionResult>(pipeline::read_attention(file));
        },
        [this, id, state](std::shared_ptr<const pipeline::AttentionResult> attention) {
          if (id == current_ && queue_.activeOf(id)) Q_EMIT live(state, std::move(attention));
        },
        [this, id, state](const Failure&) {  // it ended meanwhile, or the model has no places
          if (id == current_ && queue_.activeOf(id)) Q_EMIT live(state, nullptr);
        });
  });
}

Session::~Session() {
  stop();
}

void Session::stop() {
  for (int row = 0; row < queue_.rowCount(); ++row) {
    const Run& run = queue_.run(row);
    if (run.state != Run::State::kRunning) continue;
    queue_.cancel(row);
    if (const CaseRecord* known = cases_.record(run.case_id)) {
      CaseRecord record = *known;
      record.state = record.result.isEmpty() ? CaseState::kNew : CaseState::kDone;
      cases_.update(record);
    }
  }
}

void Session::addPaths(const QStringList& paths) {
  engine_.ask(
      this, [paths](std::stop_token stop) { return find_all(paths, std::move(stop)); },
      [this](const Found& found) { takeFound(found.cases, found.problems); },
      [this](const Failure& failure) { Q_EMIT failed(failure.sentence, failure.details); });
}

void Session::takeFound(const std::vector<CaseRecord>& found, const QStringList& problems) {
  // A folder may hold thousands: some at a time, and the window stays awake between them.
  struct Adding {
    QList<CaseRecord> waiting;
    QList<qint64> ids;
  };
  const auto adding = std::make_shared<Adding>();
  adding->waiting = QList<CaseRecord>(found.begin(), found.end());
  auto* next = new QTimer(this);
  connect(next, &QTimer::timeout, this, [this, next, adding, problems] {
    try {
      adding->ids += cases_.add(adding->waiting.mid(0, kAddedAtOnce));
      adding->waiting.remove(0, std::min<qsizetype>(kAddedAtOnce, adding->waiting.size()));
      if (!adding->waiting.isEmpty()) return;
      Q_EMIT added(adding->ids, problems);
    } catch (const std::exception& error) {
      const Failure failure = failureOf(error);
      Q_EMIT failed(failure.sentence, failure.details);
    }
    next->stop();
    next->deleteLater();
  });
  next->start(0);
}

double Session::mpp() const {
  const CaseRecord* record = current();
  if (record && record->mpp > 0) return record->mpp;
  return slide_ ? slide_->info().mpp : 0;
}

QString Session::regionFile(const CaseRecord& record) const {
  const QString folder = settings_.home() + QStringLiteral("/regions");
  QDir().mkpath(folder);
  return folder + QLatin1Char('/') + record.pseudonym + QStringLiteral(".geojson");
}

void Session::close() {
  current_ = 0, ++opened_;
  slide_.reset(), result_.reset();
  regions_.setFile({});
  Q_EMIT closed();
}

void Session::open(qint64 id) {
  const CaseRecord* known = cases_.record(id);
  if (!known || (id == current_ && (slide_ || known->kind == CaseKind::kScan))) return;
  close();
  current_ = id;
  const CaseRecord record = *known;
  Q_EMIT opening(id);
  if (!QFileInfo::exists(record.path)) return Q_EMIT sourceMissing(id);
  if (record.kind == CaseKind::kScan) return Q_EMIT scanChosen(record.path, record.result);
  openSlide(record);
}

void Session::openSlide(const CaseRecord& record) {
  const int opened = opened_;
  engine_.ask(
      this,
      [path = record.path.toStdString(), mpp = record.mpp](std::stop_token) {
        return std::make_shared<const pipeline::SlideView>(path, mpp > 0 ? std::optional(mpp) : std::nullopt);
      },
      [this, opened, record](std::shared_ptr<const pipeline::SlideView> slide) {
        if (opened != opened_) return;
        slide_ = std::move(slide);
        regions_.setMpp(mpp());
        try {
          regions_.setFile(regionFile(record));
        } catch (const std::exception& error) {
          const Failure failure = failureOf(error);
          Q_EMIT failed(failure.sentence, failure.details);
        }
        Q_EMIT slideReady();
        if (!record.result.isEmpty()) loadResult();
      },
      [this, opened](const Failure& failure) {
        if (opened == opened_) Q_EMIT failed(failure.sentence, failure.details);
      });
}

void Session::loadResult() {
  const CaseRecord* record = current();
  if (!record || record->result.isEmpty()) return;
  if (record->kind == CaseKind::kScan) return Q_EMIT scanChosen({}, record->result);
  const int opened = opened_;
  engine_.ask(
      this,
      [folder = record->result.toStdString()](std::stop_token) {
        return std::make_shared<const pipeline::SlideResult>(pipeline::read_slide_result(folder));
      },
      [this, opened](std::shared_ptr<const pipeline::SlideResult> result) {
        if (opened != opened_) return;
        result_ = std::move(result);
        Q_EMIT resultReady();
      },
      [this, opened](const Failure& failure) {
        if (opened == opened_) Q_EMIT failed(failure.sentence, failure.details);
      });
}

void Session::run(qint64 id, const pipeline::JobRequest& request, double mpp) {
  const CaseRecord* known = cases_.record(id);
  if (!known) return;
  try {
    if (mpp > 0 && mpp != known->mpp) {
      CaseRecord record = *known;
      record.mpp = mpp;
      cases_.update(record);
    }
    queue_.enqueue(id, request);
  } catch (const std::exception& error) {
    const Failure failure = failureOf(error);
    Q_EMIT failed(failure.sentence, failure.details);
  }
}

void Session::remove(const QList<qint64>& ids) {
  for (const qint64 id : ids) {
    if (queue_.activeOf(id)) {
      Q_EMIT failed(tr("A case that runs or waits stays in the list. Cancel its run first."), {});
      continue;
    }
    if (id == current_) close();
    cases_.remove(id);
  }
}

int Session::locate(qint64 id, const QString& path) {
  const CaseRecord* known = cases_.record(id);
  if (!known) return 0;
  // What both paths end in stays; the rest is what moved, for this case and for those beside it.
  QString before = known->path, after = QFileInfo(path).absoluteFilePath();
  while (!before.isEmpty() && !after.isEmpty() && before.back() == after.back()) before.chop(1), after.chop(1);
  const auto whole = [](const QString& full, const QString& part) {
    const qsizetype slash = full.indexOf(QLatin1Char('/'), part.size());
    return slash < 0 ? full : full.left(slash);
  };
  const QString from = whole(known->path, before), to = whole(QFileInfo(path).absoluteFilePath(), after);
  int moved = cases_.relocate(from, to);
  const CaseRecord* record = cases_.record(id);
  if (record && record->path != QFileInfo(path).absoluteFilePath()) {
    CaseRecord single = *record;
    single.path = QFileInfo(path).absoluteFilePath();
    cases_.update(single);
    ++moved;
  }
  return moved;
}

}  // namespace fovea::gui
