// One seed and fold of a run: network, training or going on with it, the kept model, how well it does.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "mri/evaluation/case_result.h"
#include "mri/training/seg_trainee.h"
#include "progress.h"
#include "train/checkpoint.h"
#include "train/process_group.h"

namespace fovea::pipeline::mri::training {

/// What all folds of a run share.
struct RunData {
  Recipe recipe;
  std::vector<Case> cases;
  std::filesystem::path out;
  std::string data_note;
  std::int64_t workers = 1;
  pipeline::train::ProcessGroup* group = nullptr;  ///< the processes that train together, if there are several
  bool writes() const { return !group || group->first(); }
};

/// A case of the validation or test part, one class, one availability pattern.
struct FoldCase {
  std::string part, class_name;
  CaseResult result;
};

struct FoldResult {
  std::filesystem::path model;
  std::vector<pipeline::train::EpochRow> history;
  std::int64_t kept_epoch = 0;  ///< from 0
  std::int64_t parameters = 0;
  double seconds = 0;  ///< of the training steps
  std::vector<FoldCase> cases;
};

/// Among several processes rank 0 alone writes and has results. `folder`: where its files go. Progress covers 0..1 of
/// the meter's stage.
FoldResult run_fold(const RunData& run, CaseStore& store, const Fold& fold, std::int64_t seed,
                    const std::filesystem::path& folder, ProgressMeter& meter, const BadCase& bad,
                    const std::function<void(const std::string&)>& notice);

/// SHA-256 of recipe (but its name and seeds) and cases.
std::string fingerprint(const Recipe& recipe, const std::vector<Case>& cases, const std::string& split);

}  // namespace fovea::pipeline::mri::training
