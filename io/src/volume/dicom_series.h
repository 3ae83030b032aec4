// What a DICOM folder holds: its files grouped into series of one geometry, from headers alone.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include <fovea/io/volume.h>

namespace fovea::io {

struct DicomSlice {
  std::filesystem::path path;
  std::array<double, 3> position{};  ///< ImagePositionPatient, LPS mm, centre of the first pixel
};

struct DicomSeries {
  std::string uid;  ///< SeriesInstanceUID, never shown
  std::string description, modality, sop_class, image_type;
  std::array<double, 6> orientation{1, 0, 0, 0, 1, 0};  ///< row direction, column direction
  double row_spacing = 1, column_spacing = 1;           ///< PixelSpacing: (y, x)
  int rows = 0, columns = 0, samples = 1, frames = 1;
  bool has_geometry = false;
  std::vector<DicomSlice> slices;
  std::string choice;  ///< a sentence for the user when it was chosen among several

  std::array<double, 3> normal() const;
};

/// Series of a folder (searched through its sub-folders) in a stable order; files that are no DICOM images are passed
/// over.
std::vector<DicomSeries> scan_dicom_folder(const std::filesystem::path& folder);
/// The series that read_volume takes of this file or folder. Error(kUnsupported) when there is none.
DicomSeries dicom_series_at(const std::filesystem::path& path, const VolumeReadOptions& options);
/// True when the file is DICOM, with or without preamble.
bool is_dicom_file(const std::filesystem::path& path);

}  // namespace fovea::io
