#include "evaluation/survival_metrics.h"

#include <algorithm>

#include "evaluation/ranks.h"

namespace fovea::pipeline::evaluation {
namespace {

/// Counts by rank with prefix sums (a Fenwick tree).
class RankCounts {
 public:
  explicit RankCounts(std::size_t ranks) : sums_(ranks + 1, 0.0) {}
  void add(std::size_t rank, double count) {
    for (std::size_t i = rank + 1; i < sums_.size(); i += i & (~i + 1)) sums_[i] += count;
  }
  /// Of all ranks below `rank`.
  double below(std::size_t rank) const {
    double sum = 0;
    for (std::size_t i = rank; i > 0; i -= i & (~i + 1)) sum += sums_[i];
    return sum;
  }

 private:
  std::vector<double> sums_;
};

/// Dense ranks from 0; equal values share one.
std::vector<std::size_t> dense_ranks(std::span<const double> values) {
  const std::vector<std::size_t> order = ascending_order(values);
  std::vector<std::size_t> ranks(values.size());
  std::size_t rank = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && values[order[i]] != values[order[i - 1]]) ++rank;
    ranks[order[i]] = rank;
  }
  return ranks;
}

/// Probability of being still observed, as a step function of time. Of equal times events come before censorings.
class CensoringWeights {
 public:
  CensoringWeights(const SurvivalRows& rows, Multiplicity multiplicity) {
    const std::vector<std::size_t> order = ascending_order(rows.time);
    double at_risk = 0, observed = 1;
    for (std::size_t i = 0; i < rows.time.size(); ++i) at_risk += times_counted(multiplicity, i);
    for (std::size_t begin = 0; begin < order.size();) {
      double events = 0, censored = 0;
      std::size_t end = begin;
      for (; end < order.size() && rows.time[order[end]] == rows.time[order[begin]]; ++end)
        (rows.event[order[end]] ? events : censored) += times_counted(multiplicity, order[end]);
      if (at_risk - events > 0) observed *= 1 - censored / (at_risk - events);
      times_.push_back(rows.time[order[begin]]), observed_.push_back(observed);
      at_risk -= events + censored;
      begin = end;
    }
  }
  double at(double time) const {
    const auto after = std::upper_bound(times_.begin(), times_.end(), time);
    return after == times_.begin() ? 1 : observed_[static_cast<std::size_t>(after - times_.begin()) - 1];
  }

 private:
  std::vector<double> times_, observed_;
};

}  // namespace

std::optional<double> concordance_index(const SurvivalRows& rows, Multiplicity multiplicity) {
  std::vector<std::size_t> order = ascending_order(rows.time);
  std::reverse(order.begin(), order.end());
  const std::vector<std::size_t> rank = dense_ranks(rows.risk);
  RankCounts later(rows.risk.size() + 1);  // risks of the rows that outlive the current time
  double pairs = 0, right = 0, outliving = 0;
  const auto take_in = [&](std::size_t row) {
    later.add(rank[row], times_counted(multiplicity, row)), outliving += times_counted(multiplicity, row);
  };
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && rows.time[order[end]] == rows.time[order[begin]]) ++end;
    // Censored at the time of an event: outlived it.
    for (std::size_t i = begin; i < end; ++i)
      if (!rows.event[order[i]]) take_in(order[i]);
    for (std::size_t i = begin; i < end; ++i) {
      if (!rows.event[order[i]]) continue;
      const double times = times_counted(multiplicity, order[i]), below = later.below(rank[order[i]]),
                   equal = later.below(rank[order[i]] + 1) - below;
      pairs += times * outliving, right += times * (below + equal / 2);
    }
    for (std::size_t i = begin; i < end; ++i)
      if (rows.event[order[i]]) take_in(order[i]);
    begin = end;
  }
  return pairs > 0 ? std::optional(right / pairs) : std::nullopt;
}

std::optional<double> cumulative_auroc(const SurvivalRows& rows, double time, Multiplicity multiplicity) {
  const CensoringWeights observed(rows, multiplicity);
  const std::vector<std::size_t> rank = dense_ranks(rows.risk);
  RankCounts alive(rows.risk.size() + 1);
  double living = 0, dead = 0, right = 0;
  for (std::size_t i = 0; i < rows.time.size(); ++i)
    if (rows.time[i] > time)
      alive.add(rank[i], times_counted(multiplicity, i)), living += times_counted(multiplicity, i);
  for (std::size_t i = 0; i < rows.time.size(); ++i) {
    if (!rows.event[i] || rows.time[i] > time || observed.at(rows.time[i]) <= 0) continue;
    const double weight = times_counted(multiplicity, i) / observed.at(rows.time[i]);
    const double below = alive.below(rank[i]), equal = alive.below(rank[i] + 1) - below;
    dead += weight, right += weight * (below + equal / 2);
  }
  return living > 0 && dead > 0 ? std::optional(right / (living * dead)) : std::nullopt;
}

std::optional<double> brier_at(const SurvivalRows& rows, std::span<const float> survival, double time,
                               Multiplicity multiplicity) {
  const CensoringWeights observed(rows, multiplicity);
  double sum = 0, counted = 0;
  for (std::size_t i = 0; i < rows.time.size(); ++i) {
    const double times = times_counted(multiplicity, i), alive = static_cast<double>(survival[i]);
    counted += times;
    if (rows.time[i] > time && observed.at(time) > 0) sum += times * (1 - alive) * (1 - alive) / observed.at(time);
    if (rows.time[i] <= time && rows.event[i] && observed.at(rows.time[i]) > 0)
      sum += times * alive * alive / observed.at(rows.time[i]);
  }
  return counted > 0 ? std::optional(sum / counted) : std::nullopt;
}

std::vector<SurvivalStep> kaplan_meier(std::span<const double> time, const std::vector<bool>& event,
                                       Multiplicity multiplicity) {
  const std::vector<std::size_t> order = ascending_order(time);
  double at_risk = 0, survival = 1;
  for (std::size_t i = 0; i < time.size(); ++i) at_risk += times_counted(multiplicity, i);
  std::vector<SurvivalStep> steps;
  for (std::size_t begin = 0; begin < order.size();) {
    double events = 0, leaving = 0;
    std::size_t end = begin;
    for (; end < order.size() && time[order[end]] == time[order[begin]]; ++end) {
      leaving += times_counted(multiplicity, order[end]);
      if (event[order[end]]) events += times_counted(multiplicity, order[end]);
    }
    if (events > 0 && at_risk > 0) {
      survival *= 1 - events / at_risk;
      steps.push_back({time[order[begin]], survival, at_risk});
    }
    at_risk -= leaving;
    begin = end;
  }
  return steps;
}

}  // namespace fovea::pipeline::evaluation
