// How sure is a figure? Bootstrap by patient, DeLong's variance of an AUROC, and corrections for several comparisons.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "evaluation/figures.h"

namespace fovea::pipeline::evaluation {

struct Interval {
  double low = 0, high = 0;
};

/// Who the rows belong to: whole clusters (patients) are drawn, from each stratum as many as it has, so that no class
/// vanishes.
struct Clusters {
  std::vector<std::size_t> of_row;                   ///< cluster of every row
  std::vector<std::vector<std::size_t>> in_stratum;  ///< clusters of every stratum
};
/// Clusters by case_id; strata by the largest class among a case's rows, by event, or one for all.
Clusters clusters_of(const PredictionTable& table, const std::vector<std::size_t>& rows);

/// Calls `use` with the multiplicity of every row, `replicates` times. The same seed draws the same sets.
void resample(const Clusters& clusters, std::int64_t replicates, std::uint64_t seed,
              const std::function<void(Multiplicity)>& use);

/// Percentile interval of the defined values; nothing when fewer than half are defined or there is none.
std::optional<Interval> percentile_interval(std::vector<double> values, double confidence);

/// Percentile intervals of every figure.
std::vector<std::optional<Interval>> bootstrap_intervals(const FigureSet& figures, const Clusters& clusters,
                                                         std::int64_t replicates, std::uint64_t seed, double confidence,
                                                         const std::function<void(double)>& progress = {});

/// DeLong's placements (DeLong 1988, by ranks as Sun & Xu 2014): area and what its variance is made of.
struct Delong {
  double area = 0;
  std::vector<double> of_positives, of_negatives;  ///< share of the other group that each row beats, ties half
  double variance() const;
};
/// Nothing when a group has fewer than two rows.
std::optional<Delong> delong(std::span<const float> scores, const std::vector<bool>& positive);
/// Normal approximation, cut at 0 and 1.
Interval delong_interval(const Delong& delong, double confidence);

struct PairedTest {
  double difference = 0, z = 0, p = 1;  ///< p: two-sided
  Interval interval;
};
/// Of two scores of the same rows. Equal scores give difference 0 and p 1.
PairedTest delong_test(const Delong& a, const Delong& b, double confidence);

/// Two-sided p of a bootstrapped difference: twice the smaller share of replicates on either side of 0, at least
/// 2 / (replicates + 1).
double bootstrap_p(std::span<const double> differences);

/// Holm's step-down correction, in the order given.
std::vector<double> holm(std::span<const double> p);

/// Quantile of the standard normal distribution, p in (0, 1).
double normal_quantile(double p);

}  // namespace fovea::pipeline::evaluation
