// An evaluation of segmentations as files: metrics.json, per_case.csv, per_lesion.csv, report.html.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "mri/evaluation/cohort.h"

namespace fovea::pipeline::mri {

struct SegmentationEvaluation {
  CaseSettings case_settings;
  CohortSettings cohort_settings;
  std::vector<CaseResult> cases;
  Sweep sweep, sweep_positive;      ///< over all cases and over those with a lesion; empty without probabilities
  std::vector<CohortGroup> groups;  ///< the first is all
  std::vector<FoldTable> folds;     ///< one a condition; empty when the cases name fewer than two folds
  std::vector<std::string> notices;
  std::size_t failed() const;
};

nlohmann::ordered_json evaluation_json(const SegmentationEvaluation& e);
std::string per_case_csv(const SegmentationEvaluation& e);
/// Objects of both masks, matched or not.
std::string per_lesion_csv(const SegmentationEvaluation& e);
std::string evaluation_text(const SegmentationEvaluation& e);
/// `scratch`: a folder for pictures on their way into the page.
std::string evaluation_html(const SegmentationEvaluation& e, const std::filesystem::path& scratch,
                            const std::function<void(double)>& advance);

}  // namespace fovea::pipeline::mri
