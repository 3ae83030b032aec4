// One seed and fold of a run: network, training or going on with it, the kept model, its predictions.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "mil/mil_trainee.h"
#include "mil/run_files.h"
#include "mil/splits.h"
#include "progress.h"
#include "train/process_group.h"

namespace fovea::pipeline::mil {

/// What all folds of a run share.
struct RunData {
  Recipe recipe;
  std::vector<Item> items;
  std::vector<std::string> classes;
  Survey survey;
  std::filesystem::path out;
  std::int64_t ahead_bytes = 0;
  train::ProcessGroup* group = nullptr;  ///< the processes that train together, if there are several
  bool writes() const { return !group || group->first(); }
};

struct FoldResult {
  std::vector<train::EpochRow> history;
  std::int64_t kept_epoch = 0;     ///< from 0
  std::vector<double> times;       ///< of survival curves
  std::vector<BagResult> results;  ///< of the validation and test parts
};

/// Among several processes rank 0 alone writes and has results. Notices are sentences without identifiers of slides;
/// bad bags go to `bad`.
FoldResult run_fold(const RunData& run, BagStore& store, const FoldName& name, const Split& split, ProgressMeter& meter,
                    const BadBag& bad, const std::function<void(const std::string&)>& notice);

}  // namespace fovea::pipeline::mil
