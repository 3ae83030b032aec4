// The predictions of a batch as they are made: an interrupted run goes on after its last finished bag.
#pragma once

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "evaluation/prediction_table.h"

namespace fovea::pipeline::mil {

/// Two tables that grow row by row in the output folder, beside a fingerprint of models and bags. A half-written last
/// row is dropped; an unfinished log of another fingerprint is begun anew.
class PredictionLog {
 public:
  /// `empty`: task, classes and times without rows.
  PredictionLog(std::filesystem::path folder, const evaluation::PredictionTable& empty, const std::string& fingerprint);

  bool done(const std::string& slide_id) const { return done_.contains(slide_id); }
  std::size_t resumed() const { return resumed_; }
  /// `concentration`: attention mass of the k strongest instances, k as concentration_steps() has them.
  void add(const evaluation::PredictionRow& row, const std::vector<double>& concentration);
  /// predictions.csv and concentration.csv; the log goes.
  std::vector<std::filesystem::path> finish(const evaluation::PredictionTable& empty);

 private:
  std::filesystem::path path(const char* name) const { return folder_ / name; }
  std::filesystem::path folder_;
  std::set<std::string> done_;
  std::size_t resumed_ = 0;
  std::ofstream rows_, concentration_;
  evaluation::PredictionTable shape_;
};

}  // namespace fovea::pipeline::mil
