#include "model/curve.h"

#include <QLocale>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fovea::gui {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double stepOf(const Range& range, int most) {
  const double least = range.span() / std::max(1, most);
  const double decade = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * decade >= least * (1 - 1e-9)) return factor * decade;
  return 10 * decade;
}

}  // namespace

Range rangeOf(const std::vector<Curve>& curves, bool horizontal) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const Curve& curve : curves)
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      const double value = horizontal ? curve.x[i] : curve.y[i];
      if (!std::isfinite(curve.y[i]) || !std::isfinite(value)) continue;
      low = std::min(low, value), high = std::max(high, value);
    }
  if (!(low <= high)) return {};
  if (low == high) return {low - std::max(0.5, std::abs(low) / 20), high + std::max(0.5, std::abs(high) / 20)};
  return {low, high};
}

QList<double> ticksOf(const Range& range, int most) {
  QList<double> ticks;
  if (!(range.span() > 0) || !std::isfinite(range.span())) return ticks;
  const double step = stepOf(range, most);
  for (double n = std::ceil(range.low / step - 1e-9); n * step <= range.high + 1e-9 * step; ++n)
    ticks.push_back(n == 0 ? 0 : n * step);
  return ticks;
}

QString tickText(double value, double step) {
  if (value != 0 && (std::abs(value) >= 1e6 || step < 1e-5)) return QLocale().toString(value, 'g', 3);
  const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6);
  return QLocale().toString(value, 'f', decimals);
}

std::vector<QPointF> thinned(const Curve& curve, const Range& x, int columns) {
  std::vector<QPointF> all;
  for (std::size_t i = 0; i < curve.x.size(); ++i) all.emplace_back(curve.x[i], curve.y[i]);
  if (columns < 1 || all.size() <= static_cast<std::size_t>(4) * static_cast<std::size_t>(columns)) return all;
  std::vector<QPointF> thin;
  const auto column = [&](const QPointF& point) { return std::floor((point.x() - x.low) / x.span() * columns); };
  for (std::size_t begin = 0; begin < all.size();) {
    if (!std::isfinite(all[begin].y())) {
      if (thin.empty() || std::isfinite(thin.back().y())) thin.emplace_back(all[begin].x(), kNone);
      ++begin;
      continue;
    }
    std::size_t end = begin, lowest = begin, highest = begin;
    for (; end < all.size() && std::isfinite(all[end].y()) && column(all[end]) == column(all[begin]); ++end) {
      if (all[end].y() < all[lowest].y()) lowest = end;
      if (all[end].y() > all[highest].y()) highest = end;
    }
    std::vector<std::size_t> kept{begin, lowest, highest, end - 1};
    std::sort(kept.begin(), kept.end());
    kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
    for (const std::size_t i : kept) thin.push_back(all[i]);
    begin = end;
  }
  return thin;
}

double valueAt(const Curve& curve, double x) {
  for (std::size_t i = curve.x.size(); i-- > 0;)
    if (curve.x[i] <= x + 1e-9 && std::isfinite(curve.y[i])) return curve.y[i];
  return kNone;
}

}  // namespace fovea::gui
