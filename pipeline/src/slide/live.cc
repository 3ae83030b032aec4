#include "slide/live.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/logsumexp.h>

#include <fovea/models/score_bound.h>

namespace fovea::pipeline::slide {
namespace {

constexpr std::array<std::int64_t, 6> kPercents{1, 2, 5, 10, 25, 50};  // 100 is the result itself
constexpr std::size_t kGroups = 8;
constexpr std::int64_t kLeastInGroup = 4;
constexpr std::int64_t kRowsAtOnce = 64;  // a group's tiles before they are pooled

/// Which group a tile belongs to: scattered, for the visiting order itself follows the curve in powers of two.
std::size_t group_of(std::int64_t visit) {
  std::uint64_t mixed = static_cast<std::uint64_t>(visit) + 0x9e3779b97f4a7c15;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  return (mixed ^ mixed >> 31) % kGroups;
}

std::vector<double> doubles_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(at::kDouble).reshape({-1}).contiguous();
  const double* first = values.const_data_ptr<double>();
  return {first, first + values.numel()};
}

/// How far `leading` is above the best other class; 0 with a single class.
double margin_of(const std::vector<double>& logits, std::int64_t leading) {
  double best = -INFINITY;
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (static_cast<std::int64_t>(i) != leading) best = std::max(best, logits[i]);
  return std::isfinite(best) ? logits[static_cast<std::size_t>(leading)] - best : 0;
}

double normal_share_below(double z) {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

}  // namespace

/// An eighth of the tiles, pooled by itself.
class LivePrediction::Group {
 public:
  explicit Group(std::unique_ptr<models::MilStream> stream) : stream_(std::move(stream)) {}
  void add(const at::Tensor& row, const at::Tensor& place) {
    waiting_.push_back(row.clone());
    if (place.defined()) places_.push_back(place);
    ++rows_;
    if (static_cast<std::int64_t>(waiting_.size()) >= kRowsAtOnce) flush();
  }
  void flush() {
    if (waiting_.empty()) return;
    stream_->push_at(at::cat(waiting_), places_.empty() ? at::Tensor() : at::cat(places_));
    waiting_.clear(), places_.clear();
  }
  std::int64_t rows() const { return rows_; }
  std::vector<double> logits() const { return doubles_of(stream_->snapshot().bag_logits); }

 private:
  std::unique_ptr<models::MilStream> stream_;
  std::vector<at::Tensor> waiting_, places_;
  std::int64_t rows_ = 0;
};

LivePrediction::LivePrediction(const models::MilModel& model, std::int64_t tiles, std::optional<double> threshold,
                               at::Tensor places)
    : of_(tiles), bounds_(models::score_upper_bounds(model)), places_(std::move(places)), running_(model.stream()) {
  report_.threshold = threshold;
  for (const std::int64_t percent : kPercents) {
    const std::int64_t count = (tiles * percent + 99) / 100;
    if (count < tiles && (due_.empty() || due_.back() < count)) due_.push_back(count);
  }
  for (std::size_t i = 0; i < kGroups; ++i) groups_.emplace_back(model.stream());
}

LivePrediction::~LivePrediction() = default;

bool LivePrediction::push(const at::Tensor& rows, const Listener& listener) {
  const at::NoGradGuard no_grad;
  std::int64_t taken = 0;
  while (taken < rows.size(0) && !report_.stopped_early) {
    const auto due = std::upper_bound(due_.begin(), due_.end(), seen_);
    const std::int64_t until = due == due_.end() ? of_ : *due;
    const std::int64_t count = std::min(rows.size(0) - taken, std::max<std::int64_t>(until - seen_, 1));
    add_rows(rows.narrow(0, taken, count));
    taken += count;
    if (due != due_.end() && seen_ == *due) report_.stopped_early = reached_checkpoint(listener);
  }
  return !report_.stopped_early;
}

void LivePrediction::add_rows(const at::Tensor& rows) {
  const auto places = [this](std::int64_t first, std::int64_t count) {
    return places_.defined() ? places_.narrow(0, first, count) : at::Tensor();
  };
  running_->push_at(rows, places(seen_, rows.size(0)));
  for (std::int64_t i = 0; i < rows.size(0); ++i)
    groups_[group_of(seen_ + i)].add(rows.narrow(0, i, 1), places(seen_ + i, 1));
  seen_ += rows.size(0);
}

/// True when it is time to stop.
bool LivePrediction::reached_checkpoint(const Listener& listener) {
  for (Group& group : groups_) group.flush();
  const models::MilOutput output = running_->snapshot();
  LiveCheckpoint checkpoint = checkpoint_of(output);
  checkpoint.stability = stability_of(output, checkpoint.leading);
  const bool same = !report_.checkpoints.empty() && report_.checkpoints.back().leading == checkpoint.leading;
  const bool stable = report_.threshold && checkpoint.stability && *checkpoint.stability >= *report_.threshold;
  report_.checkpoints.push_back(checkpoint);
  listener(checkpoint, output);
  return same && stable;
}

LiveCheckpoint LivePrediction::checkpoint_of(const models::MilOutput& output) const {
  LiveCheckpoint checkpoint;
  checkpoint.seen = seen_, checkpoint.of = of_;
  const std::vector<double> probabilities = doubles_of(output.bag_prob);
  checkpoint.probabilities.assign(probabilities.begin(), probabilities.end());
  checkpoint.leading = std::max_element(probabilities.begin(), probabilities.end()) - probabilities.begin();
  if (bounds_) {
    const std::vector<double> pooled = doubles_of(at::logsumexp(output.attn_raw.detach().to(at::kDouble), {-1}));
    checkpoint.mass_bound.emplace();
    const auto unseen = static_cast<double>(of_ - seen_);
    for (std::size_t k = 0; k < pooled.size(); ++k)
      checkpoint.mass_bound->push_back(unseen > 0 ? 1 / (1 + std::exp(pooled[k] - (*bounds_)[k]) / unseen) : 0);
  }
  if (!report_.checkpoints.empty()) {
    double moved = 0;
    for (std::size_t i = 0; i < probabilities.size(); ++i)
      moved = std::max(moved, std::abs(probabilities[i] - report_.checkpoints.back().probabilities[i]));
    checkpoint.moved = moved;
  }
  return checkpoint;
}

std::optional<double> LivePrediction::stability_of(const models::MilOutput& output, std::int64_t leading) const {
  std::vector<double> margins;
  for (const Group& group : groups_) {
    if (group.rows() < kLeastInGroup) return {};
    margins.push_back(margin_of(group.logits(), leading));
  }
  double mean = 0, square = 0;
  for (const double margin : margins) mean += margin / kGroups;
  for (const double margin : margins) square += (margin - mean) * (margin - mean) / (kGroups - 1);
  const double left = 1 - static_cast<double>(seen_) / static_cast<double>(of_);
  const double error = std::sqrt(square / kGroups * left);
  const double margin = margin_of(doubles_of(output.bag_logits), leading);
  return error > 0 ? normal_share_below(margin / error) : 1.0;
}

const LiveReport& LivePrediction::finish(const models::MilOutput& result) {
  if (!report_.stopped_early) {
    LiveCheckpoint checkpoint = checkpoint_of(result);
    checkpoint.stability = 1;
    report_.checkpoints.push_back(std::move(checkpoint));
  }
  return report_;
}

}  // namespace fovea::pipeline::slide
