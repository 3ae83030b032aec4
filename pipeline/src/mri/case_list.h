// The cases of a batch: rows of a table, or the volumes of a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fovea/pipeline/job.h>

namespace fovea::pipeline::mri {

struct ListedCase {
  std::string id;                       ///< names the case's result folder; unique among cases without a problem
  std::map<std::string, Value> values;  ///< of the job, by parameter name
  std::int64_t row = 0;                 ///< line of the table, 1 = its header; else the position, from 1
  std::string problem;                  ///< why it cannot be run, as a sentence; empty: none
};

struct CaseList {
  std::vector<ListedCase> cases;
  std::vector<std::string> notices;
};

/// A CSV with the column `volumes` (or `path`; several files of a case are separated by ;), an optional `case_id` (else
/// the first file's name), and columns named like `parameters`, whose cells stand for that case alone. Files are looked
/// for beside the list first. Error(kNotFound / kCorrupt) when the list itself cannot be used.
///
/// Or a folder: each volume file in it is a case; so is each folder in it that holds DICOM files, or input0, input1,
/// ... as Raidionics names channels. Error(kNotFound) when there is none.
CaseList list_cases(const std::filesystem::path& source, const std::vector<Parameter>& parameters);

}  // namespace fovea::pipeline::mri
