// Curves over epochs without a screen: where axes have their numbers, what a pixel column shows, what stands at an
// epoch.
#pragma once

#include <QList>
#include <QPointF>
#include <QString>

#include <vector>

namespace fovea::gui {

struct Curve {
  QString name;              ///< "seed 0, fold 1"
  QString quantity;          ///< "training", "validation"; empty where there is but one
  int group = 0;             ///< colour
  bool second = false;       ///< drawn dashed
  std::vector<double> x, y;  ///< NaN: no value there
  double marked = -1;        ///< the epoch that is kept; < 0: none
};

struct Range {
  double low = 0, high = 1;
  double span() const { return high - low; }
};

/// Of all finite values, widened where it would be a point; 0 to 1 when there are none.
Range rangeOf(const std::vector<Curve>& curves, bool horizontal);
/// The multiples of 1, 2, 5 x 10^n within the range, at most `most` of them, two at least where there is a span.
QList<double> ticksOf(const Range& range, int most);
/// As many decimals as the step between ticks needs.
QString tickText(double value, double step);

/// Points in order, at most four for each of `columns` equal parts of the range: first, lowest, highest, last. Gaps
/// stay gaps: a point that is not finite parts the line.
std::vector<QPointF> thinned(const Curve& curve, const Range& x, int columns);

/// The finite value at the largest x that is not above `x`; NaN: there is none.
double valueAt(const Curve& curve, double x);

}  // namespace fovea::gui
