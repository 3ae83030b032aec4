#include "evaluation/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fovea/io/colormap.h>

#include "evaluation/page.h"
#include "slide/words.h"

namespace fovea::pipeline::evaluation {
namespace {

using slide::fixed_text;
using slide::number_text;

constexpr double kLeft = 62, kTop = 34, kPlotWidth = 320, kPlotHeight = 280, kRight = 18, kBottom = 52,
                 kLegendLine = 19;
constexpr std::array<const char*, 8> kPalette{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                              "#e69f00", "#56b4e9", "#7f7f7f", "#b8a800"};

std::string px(double value) {
  return fixed_text(value, 1);
}

std::string colour_of(int index) {
  return index < 0 ? "currentColor" : kPalette[static_cast<std::size_t>(index) % kPalette.size()];
}

std::string text_at(double x, double y, const std::string& text, const std::string& more = {}) {
  return "<text x=\"" + px(x) + "\" y=\"" + px(y) + "\" " + more + ">" + escaped(text) + "</text>";
}

std::string opening(double width, double height, const std::string& title) {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + px(width) + "\" height=\"" + px(height) +
         "\" viewBox=\"0 0 " + px(width) + " " + px(height) + "\" role=\"img\" aria-label=\"" + escaped(title) +
         "\" font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"currentColor\">" +
         text_at(kLeft, 20, title, "font-size=\"14\" font-weight=\"600\"");
}

/// Round steps of 1, 2 or 5 that give at most six ticks.
struct Scale {
  double low = 0, high = 1, step = 0.2;
  double at(double value) const { return (value - low) / (high - low); }
};

Scale scale_of(const Axis& axis, double data_low, double data_high) {
  Scale scale{axis.low.value_or(data_low), axis.high.value_or(data_high), 1};
  if (!(scale.high > scale.low)) scale.high = scale.low + 1;
  const double raw = (scale.high - scale.low) / 5, power = std::pow(10, std::floor(std::log10(raw)));
  scale.step = power * (raw / power > 5 ? 10 : raw / power > 2 ? 5 : raw / power > 1 ? 2 : 1);
  if (!axis.low) scale.low = std::floor(scale.low / scale.step) * scale.step;
  if (!axis.high) scale.high = std::ceil(scale.high / scale.step) * scale.step;
  return scale;
}

class Plot {
 public:
  explicit Plot(const Chart& chart) : chart_(chart) {
    double low_x = std::numeric_limits<double>::max(), low_y = low_x, high_x = -low_x, high_y = -low_x;
    const auto extend = [&](const std::vector<Point>& points) {
      for (const Point& point : points) {
        if (!std::isfinite(point.y) || !std::isfinite(point.x)) continue;
        low_x = std::min(low_x, point.x), high_x = std::max(high_x, point.x);
        low_y = std::min(low_y, point.y), high_y = std::max(high_y, point.y);
      }
    };
    for (const Series& series : chart.series)
      for (const auto* points : {&series.points, &series.band_low, &series.band_high}) extend(*points);
    if (low_x > high_x) low_x = low_y = 0, high_x = high_y = 1;
    x_ = scale_of(chart.x, low_x, high_x), y_ = scale_of(chart.y, low_y, high_y);
  }

  std::string svg() const {
    const auto named = std::count_if(chart_.series.begin(), chart_.series.end(),
                                     [](const Series& series) { return !series.name.empty(); });
    const double legend = named == 0 ? 0 : static_cast<double>(named) * kLegendLine + 4;
    std::string svg =
        opening(kLeft + kPlotWidth + kRight, kTop + kPlotHeight + kBottom + legend, chart_.title) + axes();
    for (const Series& series : chart_.series) svg += band(series);
    for (const Series& series : chart_.series) svg += line(series);
    return svg + names() + "</svg>";
  }

 private:
  double left(double x) const { return kLeft + std::clamp(x_.at(x), 0.0, 1.0) * kPlotWidth; }
  double top(double y) const { return kTop + (1 - std::clamp(y_.at(y), 0.0, 1.0)) * kPlotHeight; }

  std::string axes() const {
    std::string svg = "<g stroke=\"currentColor\" stroke-opacity=\"0.18\">";
    std::string labels;
    const double grace = 1e-9;
    for (double x = std::ceil(x_.low / x_.step - grace) * x_.step; x <= x_.high + grace * x_.step; x += x_.step) {
      svg += segment(left(x), kTop, left(x), kTop + kPlotHeight);
      labels += text_at(left(x), kTop + kPlotHeight + 17, tick(x, x_.step), "text-anchor=\"middle\"");
    }
    for (double y = std::ceil(y_.low / y_.step - grace) * y_.step; y <= y_.high + grace * y_.step; y += y_.step) {
      svg += segment(kLeft, top(y), kLeft + kPlotWidth, top(y));
      labels += text_at(kLeft - 7, top(y) + 4, tick(y, y_.step), "text-anchor=\"end\"");
    }
    svg += "</g>" + labels;
    svg += text_at(kLeft + kPlotWidth / 2, kTop + kPlotHeight + 38, chart_.x.label, "text-anchor=\"middle\"");
    const std::string middle = px(kTop + kPlotHeight / 2);
    return svg + text_at(16, kTop + kPlotHeight / 2, chart_.y.label,
                         "text-anchor=\"middle\" transform=\"rotate(-90 16 " + middle + ")\"");
  }

  static std::string tick(double value, double step) {
    return number_text(std::abs(value) < step * 1e-6 ? 0 : value, 6);
  }
  static std::string segment(double x0, double y0, double x1, double y1) {
    return "<path d=\"M" + px(x0) + " " + px(y0) + "L" + px(x1) + " " + px(y1) + "\"/>";
  }

  std::string path_of(const std::vector<Point>& points) const {
    std::string path;
    bool drawing = false;
    for (const Point& point : points) {
      if (!std::isfinite(point.y)) {
        drawing = false;
        continue;
      }
      path += (drawing ? "L" : "M") + px(left(point.x)) + " " + px(top(point.y));
      drawing = true;
    }
    return path;
  }

  std::string band(const Series& series) const {
    if (series.band_low.empty()) return {};
    std::vector<Point> around = series.band_low;
    around.insert(around.end(), series.band_high.rbegin(), series.band_high.rend());
    return "<path d=\"" + path_of(around) + "Z\" fill=\"" + colour_of(series.colour) + "\" fill-opacity=\"0.16\"/>";
  }

  std::string line(const Series& series) const {
    std::string svg;
    if (series.style != Series::Style::kDots)
      svg += "<path d=\"" + path_of(series.points) + "\" fill=\"none\" " + stroke(series) + "/>";
    if (series.style != Series::Style::kLine)
      for (const Point& point : series.points)
        if (std::isfinite(point.y))
          svg += "<circle cx=\"" + px(left(point.x)) + "\" cy=\"" + px(top(point.y)) + "\" r=\"3\" fill=\"" +
                 colour_of(series.colour) + "\" fill-opacity=\"" + fixed_text(series.opacity, 2) + "\"/>";
    return svg;
  }

  static std::string stroke(const Series& series) {
    static constexpr std::array<const char*, 4> kDashes{"", "7 3", "2 3", "9 3 2 3"};
    const char* dash =
        series.colour < 0 || series.dashed ? "4 4" : kDashes[static_cast<std::size_t>(series.colour) % 4];
    return "stroke=\"" + colour_of(series.colour) + "\" stroke-width=\"" + px(series.width) + "\" stroke-opacity=\"" +
           fixed_text(series.colour < 0 ? 0.45 : series.opacity, 2) + "\" stroke-linejoin=\"round\"" +
           (*dash == 0 ? std::string{} : " stroke-dasharray=\"" + std::string(dash) + "\"");
  }

  std::string names() const {
    std::string svg;
    double y = kTop + kPlotHeight + kBottom + 4;
    for (const Series& series : chart_.series) {
      if (series.name.empty()) continue;
      if (series.style == Series::Style::kDots)
        svg += "<circle cx=\"" + px(kLeft + 12) + "\" cy=\"" + px(y - 4) + "\" r=\"4\" fill=\"" +
               colour_of(series.colour) + "\"/>";
      else
        svg += "<path d=\"M" + px(kLeft) + " " + px(y - 4) + "h26\" fill=\"none\" " + stroke(series) + "/>";
      svg += text_at(kLeft + 34, y, series.name);
      y += kLegendLine;
    }
    return svg;
  }

  const Chart& chart_;
  Scale x_, y_;
};

std::string hex(const io::Rgb& rgb) {
  static const char* kDigits = "0123456789abcdef";
  std::string text = "#";
  for (const std::uint8_t part : rgb) text += kDigits[part >> 4], text += kDigits[part & 15];
  return text;
}

std::string shortened(const std::string& name, std::size_t letters) {
  return name.size() <= letters ? name : name.substr(0, letters - 1) + "…";
}

}  // namespace

std::string chart_svg(const Chart& chart) {
  return Plot(chart).svg();
}

std::string matrix_svg(const std::string& title, const std::vector<std::string>& names,
                       const std::vector<std::int64_t>& counts) {
  const std::size_t classes = names.size();
  const double left = 120, top = 60, cell = std::clamp(300.0 / static_cast<double>(classes), 44.0, 90.0);
  const double edge = cell * static_cast<double>(classes);
  std::string svg = opening(left + edge + 20, top + edge + 46, title);
  for (std::size_t i = 0; i < classes; ++i) {
    std::int64_t row_sum = 0;
    for (std::size_t j = 0; j < classes; ++j) row_sum += counts[i * classes + j];
    const double y = top + cell * static_cast<double>(i);
    svg += text_at(left - 8, y + cell / 2 + 4, shortened(names[i], 14), "text-anchor=\"end\"");
    svg += text_at(left + cell * (static_cast<double>(i) + 0.5), top - 8, shortened(names[i], 8),
                   "text-anchor=\"middle\"");
    for (std::size_t j = 0; j < classes; ++j) {
      const std::int64_t count = counts[i * classes + j];
      const double share = row_sum == 0 ? 0 : static_cast<double>(count) / static_cast<double>(row_sum);
      const double x = left + cell * static_cast<double>(j);
      // White paper to dark blue; the ink turns where contrast asks for it.
      const auto mix = [&](int from, int to) {
        return static_cast<std::uint8_t>(std::lround(from + share * (to - from)));
      };
      svg += "<rect x=\"" + px(x) + "\" y=\"" + px(y) + "\" width=\"" + px(cell - 1) + "\" height=\"" + px(cell - 1) +
             "\" fill=\"" + hex({mix(240, 0), mix(244, 80), mix(248, 140)}) + "\"/>";
      const std::string ink =
          std::string("text-anchor=\"middle\" fill=\"") + (share > 0.45 ? "#ffffff" : "#1d2430") + "\"";
      svg += text_at(x + cell / 2, y + cell / 2, std::to_string(count), ink + " font-weight=\"600\"");
      svg += text_at(x + cell / 2, y + cell / 2 + 15, fixed_text(100 * share, 0) + " %", ink + " font-size=\"10\"");
    }
  }
  svg += text_at(left + edge / 2, top + edge + 24, "predicted (columns), truth (rows)", "text-anchor=\"middle\"");
  return svg + "</svg>";
}

std::string cloud_svg(const Cloud& cloud) {
  const double edge = 320, margin = 12;
  double low_x = 0, low_y = 0, span = 1;
  if (!cloud.points.empty()) {
    const auto [left, right] = std::minmax_element(cloud.points.begin(), cloud.points.end(),
                                                   [](const Point& a, const Point& b) { return a.x < b.x; });
    const auto [low, high] = std::minmax_element(cloud.points.begin(), cloud.points.end(),
                                                 [](const Point& a, const Point& b) { return a.y < b.y; });
    span = std::max({right->x - left->x, high->y - low->y, 1e-12});  // one scale for both axes, the cloud in the middle
    low_x = (left->x + right->x - span) / 2, low_y = (low->y + high->y - span) / 2;
  }
  std::string svg = opening(margin + edge + 84, kTop + edge + margin, cloud.title);
  // The strongest last, so that they lie on top.
  std::vector<std::size_t> order(cloud.points.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return cloud.value[a] < cloud.value[b]; });
  for (const std::size_t i : order)
    svg += "<circle cx=\"" + px(margin + (cloud.points[i].x - low_x) / span * edge) + "\" cy=\"" +
           px(kTop + edge - (cloud.points[i].y - low_y) / span * edge) + "\" r=\"2.2\" fill=\"" +
           hex(io::colour("viridis", static_cast<double>(cloud.value[i]))) + "\"/>";
  const double bar = margin + edge + 16;
  for (int step = 0; step < 64; ++step)
    svg += "<rect x=\"" + px(bar) + "\" y=\"" + px(kTop + 20 + step * 3.0) + "\" width=\"14\" height=\"3.4\" fill=\"" +
           hex(io::colour("viridis", 1 - step / 63.0)) + "\"/>";
  svg += text_at(bar + 18, kTop + 27, number_text(cloud.high, 3)) +
         text_at(bar + 18, kTop + 212, number_text(cloud.low, 3));
  svg += text_at(bar, kTop + 234, cloud.bar, "font-size=\"10\"");
  return svg + "</svg>";
}

}  // namespace fovea::pipeline::evaluation
