#include "evaluation/page.h"

#include <cmath>

#include "slide/words.h"

namespace fovea::pipeline::evaluation {
namespace {

constexpr std::string_view kStyle = R"(
:root { --ink: #1d2430; --faint: #5b6575; --paper: #ffffff; --line: #ccd3dc; --frame: #fff6e0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --faint: #a4adba; --paper: #14181f; --line: #3a4350; --frame: #2b2617; } }
@media print { body { font-size: 12px; padding: 0; } :root { --ink: #000; --faint: #444; --paper: #fff; --line: #bbb; --frame: #fff; } }
body { font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p, li { max-width: 46rem; }
.notice { border-left: 4px solid #d98c00; background: var(--frame); padding: .6rem .9rem; max-width: 46rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
td { white-space: nowrap; } td:last-child { white-space: normal; overflow-wrap: anywhere; } th { vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; } th { color: var(--faint); font-weight: 600; }
.figures { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
figure { margin: .5rem 0; break-inside: avoid; max-width: 100%; } figure svg, figure img { max-width: 100%; height: auto; }
figcaption { color: var(--faint); font-size: .86rem; max-width: 27rem; }
h2, tr { break-after: avoid; } tr { break-inside: avoid; }
)";

/// Standard alphabet with padding (RFC 4648).
std::string base64(std::string_view bytes) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) {
      return at < bytes.size() ? static_cast<unsigned>(static_cast<unsigned char>(bytes[at])) : 0U;
    };
    const unsigned group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (int place = 0; place < 4; ++place)
      text += i + static_cast<std::size_t>(place) > bytes.size() ? '=' : kLetters[group >> (18 - 6 * place) & 63];
  }
  return text;
}

}  // namespace

std::string figure_cell(double value) {
  return std::isfinite(value) ? slide::fixed_text(value, 3) : "–";
}

std::string interval_cell(const std::optional<Interval>& interval) {
  return interval ? figure_cell(interval->low) + " – " + figure_cell(interval->high) : "–";
}

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      case '\'': safe += "&#39;"; break;
      default: safe += c;
    }
  }
  return safe;
}

void Page::close_figures() {
  if (figures_open_) body_ += "</div>\n";
  figures_open_ = false;
}

void Page::section(std::string_view heading) {
  close_figures();
  body_ += "<h2>" + escaped(heading) + "</h2>\n";
}

void Page::paragraph(std::string_view text) {
  close_figures();
  body_ += "<p>" + escaped(text) + "</p>\n";
}

void Page::notice(std::string_view text) {
  close_figures();
  body_ += "<p class=\"notice\">" + escaped(text) + "</p>\n";
}

void Page::list(const std::vector<std::string>& items) {
  close_figures();
  body_ += "<ul>\n";
  for (const std::string& item : items) body_ += "<li>" + escaped(item) + "</li>\n";
  body_ += "</ul>\n";
}

void Page::table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  close_figures();
  body_ += "<div class=\"scroll\"><table><thead><tr>";
  for (const std::string& cell : header) body_ += "<th scope=\"col\">" + escaped(cell) + "</th>";
  body_ += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    body_ += "<tr>";
    for (const std::string& cell : row) body_ += "<td>" + escaped(cell) + "</td>";
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
}

void Page::figure(std::string_view markup, std::string_view caption) {
  if (!figures_open_) body_ += "<div class=\"figures\">\n";
  figures_open_ = true;
  body_ += "<figure>" + std::string(markup) + "<figcaption>" + escaped(caption) + "</figcaption></figure>\n";
}

std::string Page::html() const {
  // A page that fetches nothing, even when an id in it tries to: styles of its own and pictures inside it.
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
         "img-src data:\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         escaped(title_) + "</title>\n<style>" + std::string(kStyle) + "</style>\n</head>\n<body>\n<h1>" +
         escaped(title_) + "</h1>\n" + body_ + (figures_open_ ? "</div>\n" : "") + "</body>\n</html>\n";
}

std::string image_markup(std::string_view bytes, std::string_view type, std::string_view description) {
  return "<img alt=\"" + escaped(description) + "\" src=\"data:" + std::string(type) + ";base64," + base64(bytes) +
         "\">";
}

}  // namespace fovea::pipeline::evaluation
