// Which bags a fold trains on, validates with and is tested on. A patient is never in two parts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "mil/data_set.h"

namespace fovea::pipeline::mil {

/// Indices of items.
struct Split {
  std::vector<std::size_t> train, val, test;
};

struct SplitOptions {
  std::filesystem::path splits;           ///< given splits; empty: by the table's split column, else drawn
  std::int64_t folds = 0;                 ///< > 1: drawn folds, each the test part once
  double val_share = 0.15;                ///< of the patients that are not for testing, where drawn
  double test_share = 0.15;               ///< of the patients, where one split is drawn
  std::vector<std::string> test_centres;  ///< centres that are the test part (CAMELYON17)
  std::uint64_t seed = 0;
};

struct Splits {
  std::vector<Split> folds;
  std::vector<std::string> notices;
};

/// Given: a folder of CLAM's splits_<k>.csv or ACMIL's split_<k>.json, one such file, or a table with the columns
/// slide_id (or bag_id, case_id) and fold. Drawn: stratified by class, event or quarter of the values. Error(kUsage)
/// when a patient is in two parts, a part that training needs is empty, or a file is of no known form.
Splits make_splits(const std::vector<Item>& items, const SplitOptions& options);

/// CLAM's form, as text: splits_<fold>.csv.
std::string split_csv(const std::vector<Item>& items, const Split& split);

}  // namespace fovea::pipeline::mil
