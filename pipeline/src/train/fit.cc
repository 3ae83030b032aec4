#include "train/fit.h"

#include <chrono>
#include <cmath>

#include <fovea/base/error.h>
#include <fovea/models/state_copy.h>

#include "progress.h"
#include "train/figures_json.h"

namespace fovea::pipeline::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Fit {
 public:
  Fit(Trainee& trainee, const FitOptions& options, const FitEvents& events, const std::stop_token& stop)
      : trainee_(trainee), options_(options), events_(events), stop_(stop) {}

  Checkpoint run() {
    resume();
    if (at_.finished) return std::move(at_);
    while (at_.epoch < options_.epochs && !out_of_patience()) one_epoch();
    at_.finished = true;
    save();
    return std::move(at_);
  }

 private:
  void resume() {
    at_.fingerprint = options_.fingerprint;
    std::error_code ignored;
    if (std::filesystem::exists(options_.checkpoint, ignored)) read();
    agree();
    updated_ = at_.step;
  }

  void read() {
    Checkpoint found;
    try {
      found = read_checkpoint(options_.checkpoint);
    } catch (const Error& error) {
      // Written whole or not at all: this is a damaged disk, and the rest of the run is not to suffer from it.
      if (events_.notice) events_.notice(std::string(error.what()) + " Starting again.");
      return;
    }
    if (found.fingerprint != options_.fingerprint)
      throw Error(ErrorCode::kUsage, options_.checkpoint.parent_path().filename().string(),
                  "it was trained with another recipe, other data or another number of processes",
                  "Choose another --out, or remove the old run.");
    at_ = std::move(found);
    trainee_.restore(at_.weights, at_.progress);
  }

  /// Processes that do not stand at the same place would train nonsense, or wait for ever.
  void agree() const {
    if (!options_.group) return;
    const std::string here = std::to_string(at_.epoch) + " " + std::to_string(at_.step) + " " + at_.fingerprint;
    const bool other = options_.group->of_first(here) != here;
    if (options_.group->sum({other ? 1.0 : 0.0}).front() > 0)
      throw Error(ErrorCode::kUsage, options_.checkpoint.parent_path().filename().string(),
                  "the processes of this training do not see the same recipe, data or checkpoint",
                  "Give all of them the same options and a run folder that all of them see.");
  }

  void one_epoch() {
    start_ = Clock::now(), before_ = at_.seconds;
    try {
      // Processors of other kinds round differently, which adds up.
      if (options_.group) options_.group->copy_from_first(trainee_.weights());
      trainee_.begin_epoch(at_.epoch, at_.step);
      steps();
      close_epoch();
    } catch (const Error& error) {
      // Whatever noticed the request, a step is either done and counted or not begun.
      if (error.code() == ErrorCode::kCancelled || dynamic_cast<const PeerLost*>(&error)) {
        at_.step = updated_;
        save_within_epoch();
      }
      throw_if_stopped(stop_);  // a peer that was stopped with us may have gone first
      throw;
    }
  }

  void steps() {
    const std::int64_t steps = trainee_.steps_per_epoch();
    Clock::time_point saved = start_;
    while (at_.step < steps) {
      throw_if_stopped(stop_);
      const std::optional<double> loss = trainee_.step(at_.step);
      ++at_.step;
      const bool whole = !options_.group || at_.step % options_.accumulate == 0;
      if (options_.group) {
        const Losses all = options_.group->take_losses();
        at_.loss_sum += all.sum, at_.losses += all.count;
      } else if (loss) {
        at_.loss_sum += *loss, ++at_.losses;
      }
      if (whole) updated_ = at_.step;
      if (whole && seconds_since(saved) > options_.checkpoint_seconds) {
        save_within_epoch();
        saved = Clock::now();
      }
      if (events_.advanced) events_.advanced(done(steps));
    }
  }

  double done(std::int64_t steps) const {
    const double epochs = static_cast<double>(at_.epoch) +
                          static_cast<double>(at_.step) / static_cast<double>(std::max<std::int64_t>(steps, 1));
    return epochs / static_cast<double>(options_.epochs);
  }

  /// Stopped while validating, the run stands at the end of the epoch's steps and validates again.
  void close_epoch() {
    EpochRow row;
    row.epoch = at_.epoch;
    row.train_loss = at_.losses > 0 ? at_.loss_sum / static_cast<double>(at_.losses) : std::nan("");
    row.learning_rate = trainee_.learning_rate();
    row.seconds = before_ + seconds_since(start_);
    row.figures = figures();
    const auto& score = row.figures.score;
    if (score && std::isfinite(*score) && (!at_.best_score || *score > *at_.best_score)) {
      at_.best_score = score, at_.best_epoch = at_.epoch;
      if (!options_.keep_last) at_.best = models::copied(trainee_.kept());
    }
    at_.history.push_back(std::move(row));
    ++at_.epoch;
    at_.step = at_.losses = 0, at_.loss_sum = at_.seconds = 0;
    updated_ = 0;
    save();
    if (events_.epoch_done && writes()) events_.epoch_done(at_.history);
  }

  /// Those of rank 0: all have to draw the same conclusions from them.
  Figures figures() {
    if (!options_.group) return trainee_.validate();
    const Figures figures = writes() ? trainee_.validate() : Figures{};
    return figures_of(Json::parse(options_.group->of_first(to_json(figures).dump())));
  }
  bool writes() const { return !options_.group || options_.group->first(); }

  bool out_of_patience() const {
    if (options_.patience <= 0 || !at_.best_score || at_.epoch <= options_.patience_from) return false;
    return at_.epoch - 1 - at_.best_epoch >= options_.patience;
  }

  void save_within_epoch() {
    at_.seconds = before_ + seconds_since(start_);
    save();
  }
  void save() {
    if (!writes()) return;
    at_.weights = models::copied(trainee_.weights());
    at_.progress = trainee_.progress();
    write_checkpoint(options_.checkpoint, at_);
  }

  Trainee& trainee_;
  const FitOptions& options_;
  const FitEvents& events_;
  const std::stop_token& stop_;
  Checkpoint at_;
  std::int64_t updated_ = 0;  ///< steps of the epoch that a saved state has seen
  Clock::time_point start_;   ///< of this session's part of the epoch
  double before_ = 0;         ///< seconds that earlier sessions spent on it
};

}  // namespace

Checkpoint fit(Trainee& trainee, const FitOptions& options, const FitEvents& events, const std::stop_token& stop) {
  return Fit(trainee, options, events, stop).run();
}

}  // namespace fovea::pipeline::train
