// What lies in DICOM files, from their headers alone: enough to sort a folder into patients, studies and series.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace fovea::io {

/// Identifiers are handles for grouping. They are never to be shown, logged or made into names.
struct DicomHeader {
  std::string patient_id, study_uid, series_uid;
  std::string modality;     ///< "MR", "CT", "SM" (slide microscopy), ...
  std::string description;  ///< SeriesDescription
  bool has_pixels = false;  ///< rows and columns: not a report or a directory
};

/// Nothing when the file is no DICOM. Stops before the pixels. Never throws for odd content.
std::optional<DicomHeader> read_dicom_header(const std::filesystem::path& file);

}  // namespace fovea::io
