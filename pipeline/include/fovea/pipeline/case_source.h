// What a user dropped: which files and folders are slides, which are scans, and what belongs to one DICOM study.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace fovea::pipeline {

enum class SourceKind { kSlide, kScan, kUnknown };

struct CaseSource {
  SourceKind kind = SourceKind::kUnknown;
  std::filesystem::path path;  ///< what slide predict or mri segment takes: a file, or a DICOM folder
  std::string patient;         ///< DICOM: the same for all of one patient; a hash, no identifier. Else empty
  std::string detail;          ///< "MR, 3 series", ".svs"; no identifier
  std::string problem;         ///< kUnknown: why, in one sentence
};

/// Sorts out a file, or a folder with its sub-folders: DICOM is grouped by patient and study (slides by series), other
/// files count by their ending. Folders with results of ours are passed over. Nothing found in a folder is an empty
/// list; a single file that is not understood comes back with its problem. Error(kNotFound), Error(kCancelled).
std::vector<CaseSource> find_case_sources(const std::filesystem::path& path, std::stop_token stop = {});

}  // namespace fovea::pipeline
