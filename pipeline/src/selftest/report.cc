#include "selftest/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include <nlohmann/json.hpp>

namespace fovea::pipeline::selftest {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<std::int64_t> squeezed(at::IntArrayRef shape) {
  std::vector<std::int64_t> kept;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(kept), [](std::int64_t extent) { return extent != 1; });
  return kept;
}

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

at::Tensor plain(const at::Tensor& tensor) {
  return tensor.detach().to(at::kCPU, at::kDouble).contiguous();
}

/// What the relative part of a tolerance refers to, over the finite expected values.
double scale_of(const double* values, std::int64_t count, Tolerance::Scale scale) {
  double largest = 0, low = kInfinity, high = -kInfinity;
  for (std::int64_t i = 0; i < count; ++i) {
    // STKIM writes -1e9 for "masked": taken as a magnitude it would allow any error elsewhere.
    if (!std::isfinite(values[i]) || std::abs(values[i]) >= 1e8) continue;
    largest = std::max(largest, std::abs(values[i]));
    low = std::min(low, values[i]), high = std::max(high, values[i]);
  }
  return scale == Tolerance::Scale::kRange ? std::max(0.0, high - low) : largest;
}

double error_of(double expected, double actual) {
  if (expected == actual) return 0;
  const double error = std::abs(expected - actual);
  return std::isfinite(error) ? error : kInfinity;
}

/// The element that exceeds its bound most.
void worst_element(Check& check, const at::Tensor& expected, const at::Tensor& actual, const Tolerance& tolerance) {
  const double* wanted = expected.const_data_ptr<double>();
  const double* got = actual.const_data_ptr<double>();
  const double scale = scale_of(wanted, expected.numel(), tolerance.scale);
  for (std::int64_t i = 0; i < expected.numel(); ++i) {
    const double error = error_of(wanted[i], got[i]);
    const bool each = tolerance.scale == Tolerance::Scale::kEach;
    const double bound = tolerance.absolute + tolerance.relative * (each ? std::max(1.0, std::abs(wanted[i])) : scale);
    if (error <= bound) {
      // A line shows the largest error; a failing element, once found, stays.
      if (check.state != CheckState::kFail && error >= check.max_abs_error)
        check.max_abs_error = error, check.tolerance = bound;
    } else if (check.state != CheckState::kFail || error > check.max_abs_error) {
      check.state = CheckState::kFail, check.max_abs_error = error, check.tolerance = bound;
    }
  }
  if (expected.numel() == 0) check.tolerance = tolerance.absolute;
}

const char* state_name(CheckState state) {
  switch (state) {
    case CheckState::kOk: return "ok";
    case CheckState::kFail: return "FAIL";
    case CheckState::kUnchecked: break;
  }
  return "unchecked";
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%9.2e", value);
  return text;
}

std::string line(const Check& check, std::size_t width) {
  std::string text = "  " + check.name + std::string(width - check.name.size() + 2, ' ');
  const bool compared = check.state == CheckState::kOk || check.tolerance > 0 || check.max_abs_error > 0;
  text += compared ? number(check.max_abs_error) + "  " + number(check.tolerance) : "        -          -";
  text += std::string("  ") + state_name(check.state);
  return text + (check.note.empty() ? "" : "  (" + check.note + ")") + "\n";
}

nlohmann::json json_of(const Check& check) {
  nlohmann::json json{{"name", check.name}, {"state", state_name(check.state)}};
  if (check.state != CheckState::kUnchecked) {
    // JSON has no infinity: null, as nlohmann writes it.
    json["max_abs_error"] = check.max_abs_error, json["tolerance"] = check.tolerance;
  }
  if (!check.note.empty()) json["note"] = check.note;
  return json;
}

}  // namespace

void CaseReport::compare(const std::string& name, const at::Tensor& expected, const std::vector<at::Tensor>& actual,
                         const Tolerance& tolerance) {
  Check check{name, 0, 0, actual.empty() ? CheckState::kUnchecked : CheckState::kOk, {}};
  const at::Tensor wanted = plain(expected);
  for (const at::Tensor& tensor : actual) {
    if (!tensor.defined() || squeezed(tensor.sizes()) != squeezed(wanted.sizes())) {
      fail(name, tensor.defined() ? "shape " + shape_text(tensor.sizes()) + " instead of " + shape_text(wanted.sizes())
                                  : "the product computes no such value");
      return;
    }
    worst_element(check, wanted, plain(tensor), tolerance);
  }
  checks.push_back(std::move(check));
}

void CaseReport::unchecked(const std::string& name, const std::string& note) {
  checks.push_back({name, 0, 0, CheckState::kUnchecked, note});
}
void CaseReport::fail(const std::string& name, const std::string& note) {
  checks.push_back({name, 0, 0, CheckState::kFail, note});
}

Totals totals(const std::vector<CaseReport>& reports) {
  Totals sum;
  for (const CaseReport& report : reports)
    for (const Check& check : report.checks)
      ++(check.state == CheckState::kOk ? sum.ok : check.state == CheckState::kFail ? sum.failed : sum.unchecked);
  return sum;
}

int exit_code(const std::vector<CaseReport>& reports) {
  const Totals sum = totals(reports);
  if (sum.failed > 0) return 2;
  return sum.unchecked > 0 || sum.ok == 0 ? 3 : 0;
}

std::string report_text(const std::vector<CaseReport>& reports) {
  std::string text;
  for (const CaseReport& report : reports) {
    text += report.subject + "  [" + (report.kind.empty() ? "unknown kind" : report.kind) + "]\n";
    std::size_t width = 24;
    for (const Check& check : report.checks) width = std::max(width, check.name.size());
    for (const Check& check : report.checks) text += line(check, width);
  }
  const Totals sum = totals(reports);
  return text + "ok " + std::to_string(sum.ok) + "   FAIL " + std::to_string(sum.failed) + "   unchecked " +
         std::to_string(sum.unchecked) + "\n";
}

std::string report_json(const std::vector<CaseReport>& reports) {
  nlohmann::json cases = nlohmann::json::array();
  for (const CaseReport& report : reports) {
    nlohmann::json tensors = nlohmann::json::array();
    for (const Check& check : report.checks) tensors.push_back(json_of(check));
    cases.push_back({{"subject", report.subject}, {"kind", report.kind}, {"tensors", tensors}});
  }
  const Totals sum = totals(reports);
  const nlohmann::json json{{"cases", cases},
                            {"ok", sum.ok},
                            {"fail", sum.failed},
                            {"unchecked", sum.unchecked},
                            {"exit_code", exit_code(reports)}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace fovea::pipeline::selftest
