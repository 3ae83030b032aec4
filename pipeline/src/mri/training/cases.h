// What `mri train` learns from: a table of cases, or a folder of outlined slices.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "mri/training/recipe.h"

namespace fovea::pipeline::mri::training {

struct Case {
  std::string id, patient;                    ///< text; without a patient column every case is a patient
  std::vector<std::filesystem::path> images;  ///< one a modality of the recipe; empty: the case lacks it
  std::filesystem::path label;
  std::string class_name;  ///< pictures: the class of everything outlined; else empty
  std::string split, fold, centre;
};

/// CSV with the columns `case` (or `id`), one a modality of the recipe (`image` where it has one), `label`, and perhaps
/// patient, class, split, fold, centre; relative paths start at the table's folder. Volumes, or pictures (PNG) of
/// single slices. Every problem of the table with its line in one Error(kUsage).
std::vector<Case> read_cases(const std::filesystem::path& table, const Recipe& recipe);

/// A folder with index.csv (columns id, class, and perhaps split, fold, patient), images/<id>.png and masks/<id>.png;
/// slices of other classes than the recipe's are left out.
std::vector<Case> read_slice_folder(const std::filesystem::path& folder, const Recipe& recipe);

bool is_picture(const std::filesystem::path& path);

/// Indices of cases.
struct Fold {
  std::string name;
  std::vector<std::size_t> train, val, test;
};
struct FoldOptions {
  std::string val_fold;                        ///< this fold of the table validates, all others train
  std::string test_fold;                       ///< and this one is kept for testing
  std::int64_t folds = 0;                      ///< > 1: drawn, each the test part once
  double val_share = 0.15, test_share = 0.15;  ///< of the patients, where drawn
  std::uint64_t seed = 0;
};
/// By --val-fold, drawn folds, the table's split column, or one drawn split, in this order. A patient is never in two
/// parts: Error(kUsage).
std::vector<Fold> make_folds(const std::vector<Case>& cases, const FoldOptions& options,
                             std::vector<std::string>& notices);
/// "case,part" lines.
std::string fold_csv(const std::vector<Case>& cases, const Fold& fold);

}  // namespace fovea::pipeline::mri::training
