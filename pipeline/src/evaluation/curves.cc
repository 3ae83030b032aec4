#include "evaluation/curves.h"

#include <algorithm>

namespace fovea::pipeline::evaluation {

std::vector<Point> roc_curve(const RankedScores& scores, Multiplicity multiplicity) {
  const std::vector<OperatingPoint> points = scores.operating_points(multiplicity);
  if (points.empty() || points.back().true_positives == 0 || points.back().false_positives == 0) return {};
  std::vector<Point> curve{{0, 0}};
  for (const OperatingPoint& point : points)
    curve.push_back(
        {point.false_positives / points.back().false_positives, point.true_positives / points.back().true_positives});
  return curve;
}

std::vector<Point> precision_recall_curve(const RankedScores& scores) {
  std::vector<Point> curve;
  const std::vector<OperatingPoint> points = scores.operating_points();
  if (points.empty() || points.back().true_positives == 0) return {};
  for (const OperatingPoint& point : points)
    curve.push_back({point.true_positives / points.back().true_positives,
                     point.true_positives / (point.true_positives + point.false_positives)});
  return curve;
}

double height_at(const std::vector<Point>& curve, double x) {
  const auto above =
      std::upper_bound(curve.begin(), curve.end(), x, [](double at, const Point& p) { return at < p.x; });
  if (above == curve.begin()) return curve.front().y;
  const Point& before = *std::prev(above);
  if (above == curve.end() || before.x == x) return before.y;
  return before.y + (x - before.x) / (above->x - before.x) * (above->y - before.y);
}

Band roc_band(const RankedScores& scores, const Clusters& clusters, std::int64_t replicates, std::uint64_t seed,
              double confidence) {
  constexpr int kPlaces = 51;
  std::vector<std::vector<double>> heights(kPlaces);
  resample(clusters, replicates, seed, [&](Multiplicity multiplicity) {
    const std::vector<Point> curve = roc_curve(scores, multiplicity);
    if (curve.empty()) return;
    for (int place = 0; place < kPlaces; ++place)
      heights[static_cast<std::size_t>(place)].push_back(height_at(curve, place / (kPlaces - 1.0)));
  });
  Band band;
  for (int place = 0; place < kPlaces; ++place) {
    const auto interval = percentile_interval(heights[static_cast<std::size_t>(place)], confidence);
    if (!interval) return {};
    band.low.push_back({place / (kPlaces - 1.0), interval->low});
    band.high.push_back({place / (kPlaces - 1.0), interval->high});
  }
  return band;
}

std::vector<Point> thinned(const std::vector<Point>& curve, std::size_t points) {
  if (curve.size() <= points) return curve;
  std::vector<Point> few;
  for (std::size_t i = 0; i < points; ++i) few.push_back(curve[i * (curve.size() - 1) / (points - 1)]);
  return few;
}

}  // namespace fovea::pipeline::evaluation
