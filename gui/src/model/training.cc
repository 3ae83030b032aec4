#include "model/training.h"

#include <QDir>
#include <QFileInfo>
#include <QLocale>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "model/run_request.h"
#include "model/training_request.h"

namespace fovea::gui {
namespace {

using State = pipeline::JobStatus::State;

constexpr int kPollMs = 1000, kMostFolders = 30;
constexpr double kMeasuredSeconds = 300;
const QString kFolders = QStringLiteral("training_runs");

std::filesystem::path path_of(const QString& path) {
  return path.toStdU16String();
}

const char* column_of(Quantity quantity, const pipeline::TrainingRun& run) {
  switch (quantity) {
    case Quantity::kLoss: return "train_loss";
    case Quantity::kScore: return run.kind == "mri train" ? "val_dice" : "val_auc";
    case Quantity::kEntropy: return "attention_entropy";
    case Quantity::kTop10: return "top10_mass";
    case Quantity::kFound: return "val_detected";
  }
  return "";
}

const std::vector<double>* values_of(const pipeline::TrainingFold& fold, const char* column) {
  const auto found = fold.curves.find(column);
  if (found == fold.curves.end() || found->second.size() != fold.epochs.size()) return nullptr;
  const bool any = std::any_of(found->second.begin(), found->second.end(), [](double v) { return std::isfinite(v); });
  return any ? &found->second : nullptr;
}

QString number(double value) {
  return QLocale().toString(value, 'f', 3);
}

}  // namespace

// --- time left ---

void TimeLeft::report(const QString& stage, double fraction, double seconds) {
  fraction_ = fraction;
  if (stage != stage_) {
    rate_ = rate();
    stage_ = stage, reports_ = 0, samples_.clear();
  }
  if (++reports_ < 2) return;
  samples_.push_back({fraction, seconds});
  while (samples_.size() > 2 && seconds - samples_.front().seconds > kMeasuredSeconds) samples_.erase(samples_.begin());
}

double TimeLeft::rate() const {
  if (samples_.size() < 2) return rate_;
  const double moved = samples_.back().fraction - samples_.front().fraction;
  const double took = samples_.back().seconds - samples_.front().seconds;
  return moved > 0 && took > 0 ? moved / took : rate_;
}

double TimeLeft::seconds() const {
  return rate() > 0 ? (1 - fraction_) / rate() : -1;
}

// --- what is shown of a run ---

std::vector<Quantity> quantitiesOf(const pipeline::TrainingRun& run) {
  if (run.kind == "mri train") return {Quantity::kLoss, Quantity::kScore, Quantity::kFound};
  return {Quantity::kLoss, Quantity::kScore, Quantity::kEntropy, Quantity::kTop10};
}

QString quantityName(Quantity quantity, const pipeline::TrainingRun& run) {
  switch (quantity) {
    case Quantity::kLoss: return Training::tr("Loss");
    case Quantity::kScore:
      return run.kind == "mri train" ? Training::tr("Validation Dice") : Training::tr("Validation AUC");
    case Quantity::kEntropy: return Training::tr("Attention entropy, 0 to 1");
    case Quantity::kTop10: return Training::tr("Attention of the ten largest");
    case Quantity::kFound: return Training::tr("Lesions found, share");
  }
  return {};
}

std::vector<Curve> curvesOf(const pipeline::TrainingRun& run, Quantity quantity) {
  std::vector<Curve> curves;
  int group = 0;
  for (const pipeline::TrainingFold& fold : run.folds) {
    const auto add = [&](const char* column, const QString& what, bool second) {
      const std::vector<double>* values = values_of(fold, column);
      if (!values) return;
      Curve curve;
      curve.name = foldName(fold), curve.quantity = what, curve.group = group, curve.second = second;
      curve.x = fold.epochs, curve.y = *values;
      if (const std::int64_t best = fold.best(); best >= 0 && quantity == Quantity::kScore)
        curve.marked = fold.epochs[static_cast<std::size_t>(best)];
      curves.push_back(std::move(curve));
    };
    const bool loss = quantity == Quantity::kLoss;
    add(column_of(quantity, run), loss ? Training::tr("training") : QString(), false);
    if (loss) add("val_loss", Training::tr("validation"), true);
    ++group;
  }
  return curves;
}

QString foldName(const pipeline::TrainingFold& fold) {
  return Training::tr("seed %1, fold %2").arg(fold.seed).arg(QString::fromStdString(fold.fold));
}

QString foldText(const pipeline::TrainingFold& fold, const pipeline::TrainingRun& run) {
  if (!fold.begun) return Training::tr("waits");
  const auto rows = static_cast<qint64>(fold.epochs.size());
  QString text = rows == 0 ? Training::tr("first epoch") : Training::tr("epoch %1 of %2").arg(rows).arg(run.epochs);
  if (const std::int64_t best = fold.best(); best >= 0) {
    const auto row = static_cast<std::size_t>(best);
    text += QStringLiteral(", ") +
            Training::tr("best %1 in epoch %2").arg(number(fold.curves.at(run.score())[row])).arg(fold.epochs[row]);
  }
  if (fold.trained) text += QStringLiteral(", ") + Training::tr("trained");
  return text;
}

QString trainingStateText(const pipeline::TrainingRun& run, bool stopping) {
  switch (run.status.state) {
    case State::kRunning:
      return stopping ? Training::tr("Stopping; the checkpoint is written.") : Training::tr("Running");
    case State::kDone:
      return run.status.exit_code == 0 ? Training::tr("Finished") : Training::tr("Finished; something was left out.");
    case State::kFailed: return Training::tr("Failed");
    case State::kStopped: return Training::tr("Stopped; Resume goes on from the checkpoint.");
    case State::kLost: return Training::tr("Ended without a word; Resume goes on from the checkpoint.");
    case State::kNone: break;
  }
  // Started on the command line: only its files tell.
  return run.all_trained() ? Training::tr("Finished") : Training::tr("Started elsewhere; its files are followed.");
}

// --- the runs ---

Training::Training(Engine& engine, Settings& settings, QObject* parent)
    : QObject(parent), engine_(engine), settings_(settings) {
  timer_.setInterval(kPollMs);
  connect(&timer_, &QTimer::timeout, this, &Training::poll);
  clock_.start();
}

QStringList Training::folders() const {
  return settings_.file().value(kFolders).toStringList();
}

void Training::remember(const QString& folder) {
  QStringList list = folders();
  list.removeAll(folder);
  list.prepend(folder);
  while (list.size() > kMostFolders) list.removeLast();
  settings_.file().setValue(kFolders, list);
  Q_EMIT foldersChanged();
}

void Training::forget(const QString& folder) {
  QStringList list = folders();
  list.removeAll(folder);
  settings_.file().setValue(kFolders, list);
  if (folder == folder_) {
    ++generation_;
    folder_.clear(), run_.reset(), timer_.stop();
    Q_EMIT changed();
  }
  Q_EMIT foldersChanged();
}

void Training::open(const QString& folder) {
  ++generation_;
  folder_ = QDir(folder).absolutePath();
  run_.reset(), left_ = {}, asking_ = stopping_ = stop_sent_ = false;
  timer_.start();
  Q_EMIT changed();
  poll();
}

void Training::poll() {
  if (folder_.isEmpty() || asking_) return;
  asking_ = true;
  const int generation = generation_;
  engine_.ask(
      this,
      [folder = path_of(folder_), before = run_, stop = stopping_ && !stop_sent_](std::stop_token) {
        // A run that has only just begun cannot hear it yet: asked for again until it is heard.
        const bool sent = stop && pipeline::stop_background(folder);
        return std::pair(std::make_shared<const pipeline::TrainingRun>(
                             pipeline::read_training_run(folder, before ? before.get() : nullptr)),
                         sent);
      },
      [this, generation](std::pair<std::shared_ptr<const pipeline::TrainingRun>, bool> answer) {
        if (generation != generation_) return;
        asking_ = false, stop_sent_ = stop_sent_ || answer.second;
        take(std::move(answer.first));
      },
      [this, generation](const Failure& failure) {
        if (generation != generation_) return;
        asking_ = false;
        timer_.stop();
        const QString gone = folder_;
        forget(gone);
        Q_EMIT failed(failure.sentence, failure.details);
      });
}

void Training::take(std::shared_ptr<const pipeline::TrainingRun> run) {
  const bool first = !run_, was = isRunning();
  run_ = std::move(run);
  if (isRunning()) {
    const pipeline::Progress& progress = run_->status.progress;
    left_.report(QString::fromStdString(progress.stage), progress.fraction,
                 static_cast<double>(clock_.elapsed()) / 1e3);
  } else {
    stopping_ = stop_sent_ = false, left_ = {};
  }
  if (first && folders().value(0) != folder_) remember(folder_);
  Q_EMIT changed();
  if (was && !isRunning()) Q_EMIT ended(folder_, run_->status.state);
}

void Training::launch(const QString& folder, std::function<void()> start) {
  engine_.ask(
      this,
      [start = std::move(start)](std::stop_token) {
        start();
        return true;
      },
      [this, folder](bool) { open(folder); },
      [this](const Failure& failure) { Q_EMIT failed(failure.sentence, failure.details); });
}

void Training::start(const pipeline::JobRequest& request) {
  const auto found = request.values.find("out");
  const auto* out = found == request.values.end() ? nullptr : std::get_if<std::string>(&found->second);
  if (!out || out->empty()) return;
  const QString folder = QString::fromStdString(*out);
  launch(folder, [request, path = path_of(folder)] { pipeline::start_background(request, path); });
}

void Training::resume() {
  if (folder_.isEmpty() || isRunning()) return;
  launch(folder_, [path = path_of(folder_)] { pipeline::resume_training(path); });
}

void Training::stop() {
  if (!mayStop()) return;
  stopping_ = true;
  Q_EMIT changed();
  poll();
}

QStringList Training::runningFolders() const {
  QStringList running;
  for (const QString& folder : folders())
    if (pipeline::read_job_status(path_of(folder) / pipeline::kJobStatus).state == State::kRunning) running << folder;
  return running;
}

void Training::stopAll() {
  for (const QString& folder : runningFolders()) pipeline::stop_background(path_of(folder));
}

int Training::bestFold() const {
  int best = -1;
  double highest = 0;
  for (std::size_t i = 0; run_ && i < run_->folds.size(); ++i) {
    const pipeline::TrainingFold& fold = run_->folds[i];
    if (!fold.trained) continue;
    const std::int64_t row = fold.best();
    const double score = row < 0 ? -1 : fold.curves.at(run_->score())[static_cast<std::size_t>(row)];
    if (best < 0 || score > highest) best = static_cast<int>(i), highest = score;
  }
  return best;
}

void Training::keepModel(int fold) {
  if (!run_ || fold < 0 || fold >= static_cast<int>(run_->folds.size())) return;
  const pipeline::TrainingFold& chosen = run_->folds[static_cast<std::size_t>(fold)];
  if (!chosen.trained) return;
  const QString name = safeName(QStringLiteral("%1-seed%2-fold%3")
                                    .arg(QFileInfo(folder_).fileName())
                                    .arg(chosen.seed)
                                    .arg(QString::fromStdString(chosen.fold)));
  engine_.ask(
      this,
      [model = chosen.model, target = path_of(trainedModels(settings_) + QLatin1Char('/') + name +
                                              QStringLiteral(".safetensors"))](std::stop_token) {
        pipeline::keep_model(model, target);
        return true;
      },
      [this, name](bool) { Q_EMIT modelKept(name); },
      [this](const Failure& failure) { Q_EMIT failed(failure.sentence, failure.details); });
}

}  // namespace fovea::gui
