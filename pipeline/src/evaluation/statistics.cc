#include "evaluation/statistics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "evaluation/ranks.h"
#include "slide/random_source.h"

namespace fovea::pipeline::evaluation {
namespace {

/// What decides how a case is drawn.
std::int64_t stratum_of(const PredictionTable& table, const PredictionRow& row) {
  if (table.task == Task::kClassification) return label_index(table, row).value_or(-1);
  if (table.task == Task::kSurvival) return row.event.value_or(false) ? 1 : 0;
  return 0;
}

double variance_of_mean(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return squares / (count - 1) / count;
}

std::vector<double> difference_of(std::span<const double> a, std::span<const double> b) {
  std::vector<double> difference(a.size());
  std::transform(a.begin(), a.end(), b.begin(), difference.begin(), std::minus<>());
  return difference;
}

}  // namespace

Clusters clusters_of(const PredictionTable& table, const std::vector<std::size_t>& rows) {
  Clusters clusters;
  std::map<std::string, std::size_t> number;
  std::vector<std::int64_t> stratum;
  for (const std::size_t row : rows) {
    const auto [found, added] = number.emplace(table.rows[row].case_id, number.size());
    clusters.of_row.push_back(found->second);
    if (added) stratum.push_back(stratum_of(table, table.rows[row]));
    std::int64_t& known = stratum[found->second];
    known = std::max(known, stratum_of(table, table.rows[row]));
  }
  std::map<std::int64_t, std::vector<std::size_t>> members;
  for (std::size_t cluster = 0; cluster < stratum.size(); ++cluster) members[stratum[cluster]].push_back(cluster);
  for (auto& [key, list] : members) clusters.in_stratum.push_back(std::move(list));
  return clusters;
}

void resample(const Clusters& clusters, std::int64_t replicates, std::uint64_t seed,
              const std::function<void(Multiplicity)>& use) {
  slide::RandomSource random(seed);
  std::vector<std::uint32_t> drawn, multiplicity(clusters.of_row.size());
  std::size_t count = 0;
  for (const auto& stratum : clusters.in_stratum) count += stratum.size();
  for (std::int64_t replicate = 0; replicate < replicates; ++replicate) {
    drawn.assign(count, 0);
    for (const auto& stratum : clusters.in_stratum)
      for (std::size_t i = 0; i < stratum.size(); ++i)
        ++drawn[stratum[static_cast<std::size_t>(random.whole(0, static_cast<std::int64_t>(stratum.size()) - 1))]];
    for (std::size_t row = 0; row < multiplicity.size(); ++row) multiplicity[row] = drawn[clusters.of_row[row]];
    use(multiplicity);
  }
}

std::optional<Interval> percentile_interval(std::vector<double> values, double confidence) {
  const std::size_t all = values.size();
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty() || 2 * values.size() < all) return {};
  std::sort(values.begin(), values.end());
  const auto quantile = [&](double share) {  // linear between order statistics
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
  };
  return Interval{quantile((1 - confidence) / 2), quantile((1 + confidence) / 2)};
}

std::vector<std::optional<Interval>> bootstrap_intervals(const FigureSet& figures, const Clusters& clusters,
                                                         std::int64_t replicates, std::uint64_t seed, double confidence,
                                                         const std::function<void(double)>& progress) {
  std::vector<std::vector<double>> values(figures.names.size());
  std::int64_t done = 0;
  resample(clusters, replicates, seed, [&](Multiplicity multiplicity) {
    const std::vector<double> drawn = figures.values(multiplicity);
    for (std::size_t f = 0; f < drawn.size(); ++f) values[f].push_back(drawn[f]);
    if (progress) progress(static_cast<double>(++done) / static_cast<double>(replicates));
  });
  std::vector<std::optional<Interval>> intervals;
  for (auto& drawn : values) intervals.push_back(percentile_interval(std::move(drawn), confidence));
  return intervals;
}

double Delong::variance() const {
  return variance_of_mean(of_positives) + variance_of_mean(of_negatives);
}

std::optional<Delong> delong(std::span<const float> scores, const std::vector<bool>& positive) {
  std::vector<float> group[2];
  for (std::size_t i = 0; i < scores.size(); ++i) group[positive[i] ? 1 : 0].push_back(scores[i]);
  if (group[0].size() < 2 || group[1].size() < 2) return {};
  const std::vector<double> overall = average_ranks(scores),
                            within[2] = {average_ranks(std::span<const float>(group[0])),
                                         average_ranks(std::span<const float>(group[1]))};
  const auto negatives = static_cast<double>(group[0].size()), positives = static_cast<double>(group[1].size());
  Delong result;
  std::size_t next[2] = {0, 0};
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (positive[i])
      result.of_positives.push_back((overall[i] - within[1][next[1]++]) / negatives);
    else
      result.of_negatives.push_back(1 - (overall[i] - within[0][next[0]++]) / positives);
  }
  result.area = std::accumulate(result.of_positives.begin(), result.of_positives.end(), 0.0) / positives;
  return result;
}

Interval delong_interval(const Delong& delong, double confidence) {
  const double reach = normal_quantile((1 + confidence) / 2) * std::sqrt(delong.variance());
  return {std::max(0.0, delong.area - reach), std::min(1.0, delong.area + reach)};
}

PairedTest delong_test(const Delong& a, const Delong& b, double confidence) {
  PairedTest test;
  test.difference = a.area - b.area;
  const double variance = variance_of_mean(difference_of(a.of_positives, b.of_positives)) +
                          variance_of_mean(difference_of(a.of_negatives, b.of_negatives));
  const double deviation = std::sqrt(variance), reach = normal_quantile((1 + confidence) / 2) * deviation;
  test.interval = {test.difference - reach, test.difference + reach};
  if (deviation > 0) {
    test.z = test.difference / deviation;
    test.p = std::erfc(std::abs(test.z) / std::sqrt(2.0));
  } else {
    test.p = test.difference == 0 ? 1 : 0;
  }
  return test;
}

double bootstrap_p(std::span<const double> differences) {
  double below = 1, above = 1, count = 1;  // the sample itself counts once
  for (const double difference : differences) {
    if (std::isnan(difference)) continue;
    ++count;
    if (difference <= 0) ++below;
    if (difference >= 0) ++above;
  }
  return std::min(1.0, 2 * std::min(below, above) / count);
}

std::vector<double> holm(std::span<const double> p) {
  const std::vector<std::size_t> order = ascending_order(p);
  std::vector<double> corrected(p.size());
  double largest = 0;
  for (std::size_t place = 0; place < order.size(); ++place) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(p.size() - place) * p[order[place]]));
    corrected[order[place]] = largest;
  }
  return corrected;
}

double normal_quantile(double p) {
  // Bisection on erfc: 60 halvings of [-10, 10] are exact to rounding, and this is asked a few times a report.
  double low = -10, high = 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace fovea::pipeline::evaluation
