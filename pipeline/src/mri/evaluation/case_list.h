// Which files belong to a case: a table, or two folders matched by name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fovea::pipeline::mri {

/// Ids are text: leading zeros matter.
struct CaseFiles {
  std::string name, patient, fold, pattern, centre;  ///< patient: the case's name unless given; others may be empty
  std::filesystem::path reference, prediction, probability, image;  ///< prediction or probability; image may be empty
};

/// Columns case, reference, prediction; optional probability, image, patient, fold, pattern, centre. `prediction` may
/// stay empty where there is a probability. Relative paths start at the table's folder. Error(kCorrupt) names the row.
std::vector<CaseFiles> read_case_table(const std::filesystem::path& csv);

/// Every volume among `references` is a case, its name without suffix the case's. Its prediction is the volume of that
/// name among `predictions`, or the folder of that name with `mri segment`'s outputs in it. What is missing stays
/// empty. Error(kNotFound) when there is no reference at all.
std::vector<CaseFiles> match_case_folders(const std::filesystem::path& predictions,
                                          const std::filesystem::path& references);

}  // namespace fovea::pipeline::mri
