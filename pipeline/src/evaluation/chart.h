// Charts as inline SVG: lines with bands, dots, tables of colour. Colours are told apart by the colour-blind and in
// grey (Okabe and Ito's palette, and dashes).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fovea::pipeline::evaluation {

struct Point {
  double x = 0, y = 0;
};

struct Series {
  std::string name;  ///< in the legend; empty: not in it
  std::vector<Point> points;
  std::vector<Point> band_low{}, band_high{};  ///< both or neither, the same x
  enum class Style { kLine, kDots, kLineAndDots } style = Style::kLine;
  int colour = 0;  ///< of the palette; -1: faint
  bool dashed = false;
  double opacity = 1;
  double width = 2;
};

struct Axis {
  std::string label;
  std::optional<double> low{}, high{};  ///< absent: from the data
};

struct Chart {
  std::string title;  ///< also what a screen reader says
  Axis x, y;
  std::vector<Series> series;
};

std::string chart_svg(const Chart& chart);

/// Counts with the share of their row: rows are the truth.
std::string matrix_svg(const std::string& title, const std::vector<std::string>& names,
                       const std::vector<std::int64_t>& counts);

/// Points without axes, coloured by value 0..1 (viridis) with a bar; low and high: what its ends stand for.
struct Cloud {
  std::string title, bar;
  std::vector<Point> points;
  std::vector<float> value;
  double low = 0, high = 1;
};
std::string cloud_svg(const Cloud& cloud);

}  // namespace fovea::pipeline::evaluation
