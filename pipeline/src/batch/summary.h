// What became of a batch: summary.csv with a row a case, summary.json with the counts, a few lines for people.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "batch/batch_run.h"

namespace fovea::pipeline::batch {

/// 0: every case has its results or another process is at it; 2: some failed or are partial; 3: none has results.
int exit_code_of(const Tally& tally);
std::string summary_csv(const std::vector<Case>& cases, const Tally& tally);
std::string summary_json(const Tally& tally);
/// "1000 cases: 990 done, 8 failed, 2 run elsewhere", then the first failures.
std::string summary_text(const std::vector<Case>& cases, const Tally& tally);

}  // namespace fovea::pipeline::batch
