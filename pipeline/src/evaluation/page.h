// One self-contained HTML page: no script, no network, printable, readable in a dark room.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evaluation/statistics.h"

namespace fovea::pipeline::evaluation {

/// Text as it may stand in HTML and SVG, in content and in quoted attributes.
std::string escaped(std::string_view text);

/// Three decimals, or a dash for what is no number.
std::string figure_cell(double value);
std::string interval_cell(const std::optional<Interval>& interval);

class Page {
 public:
  explicit Page(std::string title) : title_(std::move(title)) {}

  void section(std::string_view heading);
  void paragraph(std::string_view text);
  void notice(std::string_view text);  ///< framed
  void list(const std::vector<std::string>& items);
  /// The first column is text, the others are aligned as numbers.
  void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);
  /// `markup`: SVG or an image with its data inside; figures that follow each other stand side by side where they fit.
  void figure(std::string_view markup, std::string_view caption);
  std::string html() const;

 private:
  void close_figures();
  std::string title_, body_;
  bool figures_open_ = false;
};

/// The picture's bytes as an <img> with a data URI; `type`: "image/png".
std::string image_markup(std::string_view bytes, std::string_view type, std::string_view description);

}  // namespace fovea::pipeline::evaluation
