// One fixture file: its tensors, its metadata, and which of the expected tensors are still to be checked.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <fovea/io/weights.h>
#include <fovea/models/state.h>

#include "selftest/report.h"

namespace fovea::pipeline::selftest {

struct RunOptions {
  c10::Device device{c10::kCPU};
  std::stop_token stop;
};

class CaseFile {
 public:
  CaseFile(std::filesystem::path path, io::WeightFile file);

  const std::filesystem::path& path() const { return path_; }
  const io::WeightFile& file() const { return file_; }
  bool has(const std::string& name) const { return file_.tensors.count(name) > 0; }
  bool has_prefix(std::string_view prefix) const;
  /// A copy that may be written to.
  at::Tensor tensor(const std::string& name) const;
  /// Metadata value as text; empty when absent.
  std::string text(const std::string& key) const;
  double number(const std::string& key, double fallback) const;
  std::vector<std::string> names() const { return file_.order; }

 private:
  std::filesystem::path path_;
  io::WeightFile file_;
};

/// Checks expected tensors by name; what nobody asked for is reported as unchecked at the end.
class Expectations {
 public:
  Expectations(const CaseFile& file, CaseReport& report, const std::function<bool(const std::string&)>& is_expected);
  bool wants(const std::string& name) const { return pending_.count(name) > 0; }
  void check(const std::string& name, const std::vector<at::Tensor>& actual, const Tolerance& tolerance);
  void check(const std::string& name, const std::vector<at::Tensor>& actual, Quantity quantity) {
    check(name, actual, tolerance(quantity));
  }
  /// Reports the rest in the file's order.
  void close(const std::string& note);
  void fail_rest(const std::string& note);
  bool empty() const { return pending_.empty(); }

 private:
  const CaseFile& file_;
  CaseReport& report_;
  std::set<std::string> pending_;
};

/// A kind of fixture. The table is tried in order; nothing in it looks at the file's name.
struct CaseKind {
  std::string_view name;
  bool (*recognise)(const CaseFile&);
  bool (*is_expected)(const std::string& tensor);
  /// Null: this version knows the kind and cannot compute it, so that all its tensors stay unchecked.
  void (*run)(const CaseFile&, Expectations&, const RunOptions&);
};
std::span<const CaseKind> case_kinds();

inline bool starts_with(const std::string& text, std::string_view prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}
inline bool ends_with(const std::string& text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// The runs, one file a subject.
void run_mil_case(const CaseFile& file, Expectations& expected, const RunOptions& options);  // mil_case.cc
void run_mil_losses(const CaseFile& file, Expectations& expected, const RunOptions& options);
void run_mil_trajectory(const CaseFile& file, Expectations& expected, const RunOptions& options);  // mil_training.cc
void run_mil_checkpoint(const CaseFile& file, Expectations& expected, const RunOptions& options);  // mil_checkpoint.cc
void run_metrics(const CaseFile& file, Expectations& expected, const RunOptions& options);         // metrics_case.cc
/// bool [.., K, rows] from the indices of the masked instances [.., K, q].
at::Tensor instance_mask(const at::Tensor& index, std::int64_t rows, const std::string& subject);
void run_segmentation_case(const CaseFile& file, Expectations& expected,
                           const RunOptions& options);  // segmentation_case.cc
void run_segmentation_components(const CaseFile& file, Expectations& expected, const RunOptions& options);
void run_recurrent_components(const CaseFile& file, Expectations& expected, const RunOptions& options);
void run_attention_case(const CaseFile& file, Expectations& expected, const RunOptions& options);  // attention_case.cc
void run_scan_case(const CaseFile& file, Expectations& expected, const RunOptions& options);       // scan_case.cc

/// A JSON file; nothing when it is of no known kind.
std::optional<CaseReport> run_json_case(const std::filesystem::path& path,
                                        const RunOptions& options);  // encoder_case.cc
std::vector<CaseReport> run_builtin(const RunOptions& options);      // builtin.cc

}  // namespace fovea::pipeline::selftest
