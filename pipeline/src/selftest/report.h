// What a self-test found: one line for each expected tensor.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "selftest/tolerances.h"

namespace fovea::pipeline::selftest {

enum class CheckState { kOk, kFail, kUnchecked };

struct Check {
  std::string name;
  double max_abs_error = 0, tolerance = 0;
  CheckState state = CheckState::kUnchecked;
  std::string note;  ///< why it failed or was not checked; may be empty
};

/// The checks of one file, folder or built-in test.
struct CaseReport {
  std::string subject;  ///< path as the user gave it, or "built-in"
  std::string kind;     ///< "MIL forward case", ...; empty: unknown
  std::vector<Check> checks;

  /// Compares every actual tensor (one for each way the product computes it) with the expected one; the worst counts.
  /// Singleton dimensions are ignored. Equal infinities agree; a NaN agrees with nothing.
  void compare(const std::string& name, const at::Tensor& expected, const std::vector<at::Tensor>& actual,
               const Tolerance& tolerance);
  void unchecked(const std::string& name, const std::string& note);
  void fail(const std::string& name, const std::string& note);
};

struct Totals {
  std::size_t ok = 0, failed = 0, unchecked = 0;
};
Totals totals(const std::vector<CaseReport>& reports);

/// 2: something failed or is of unknown kind; 3: something stayed unchecked, or nothing was checked at all; 0: all
/// good.
int exit_code(const std::vector<CaseReport>& reports);

std::string report_text(const std::vector<CaseReport>& reports);
std::string report_json(const std::vector<CaseReport>& reports);

}  // namespace fovea::pipeline::selftest
