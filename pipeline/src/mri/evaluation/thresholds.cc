// The sweep over probability thresholds, as raidionicsval's best_segmentation_probability_threshold_analysis.
#include <cmath>
#include <limits>

#include "mri/evaluation/cohort.h"

namespace fovea::pipeline::mri {
namespace {

SweepRow row_of(const std::vector<CaseResult>& cases, double overlap, std::size_t step, bool positives_only,
                double cutoff_ml) {
  SweepRow row;
  row.overlap = overlap;
  for (const CaseResult& one : cases) {
    if (!one.usable() || one.sweep.empty()) continue;
    if (positives_only && one.metrics.reference_ml <= cutoff_ml) continue;
    const SweepPoint& point = one.sweep[step];
    row.threshold = point.threshold;
    ++row.total;
    if (std::nearbyint(point.voxel.dice * 1000) / 1000 < overlap) continue;
    ++row.found;
    row.mean.dice += point.voxel.dice, row.mean.recall += point.voxel.recall;
    row.mean.precision += point.voxel.precision, row.mean.f1 += point.voxel.f1;
  }
  const double found = row.found > 0 ? static_cast<double>(row.found) : std::numeric_limits<double>::quiet_NaN();
  row.mean.dice /= found, row.mean.recall /= found, row.mean.precision /= found, row.mean.f1 /= found;
  return row;
}

}  // namespace

double SweepRow::criterion() const {
  return (mean.dice + static_cast<double>(found) / static_cast<double>(total)) / 2;
}

Sweep sweep_of(const std::vector<CaseResult>& cases, const CohortSettings& settings, bool positives_only) {
  std::size_t steps = 0;
  for (const CaseResult& one : cases)
    if (one.usable()) steps = std::max(steps, one.sweep.size());
  Sweep sweep;
  double largest = 0;
  for (const double overlap : settings.overlaps)
    for (std::size_t step = 0; step < steps; ++step) {
      const SweepRow row = row_of(cases, overlap, step, positives_only, settings.cutoff_ml);
      if (row.total == 0) return {};
      if (row.criterion() > largest) largest = row.criterion(), sweep.best = sweep.rows.size();
      sweep.rows.push_back(row);
    }
  return sweep;
}

}  // namespace fovea::pipeline::mri
