// DICOM SEG: a label map as a DICOM object beside the series it was drawn on.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include <fovea/io/volume.h>

namespace fovea::io {

/// A code of DICOM: value, scheme ("SCT", "DCM"), meaning.
struct DicomCode {
  std::string value, scheme, meaning;
};

struct DicomSegment {
  std::string name;  ///< cut at 64 characters
  int label_value = 1;
  DicomCode category, type;
  std::string algorithm;  ///< "Fovea 0.1.0 agunet"
};

/// Whether read_volume takes `source` for DICOM. Only then can there be a SEG: patient and study are the source's own,
/// none is invented.
bool is_dicom_source(const std::filesystem::path& source);

/// Binary, one frame a slice and segment that has voxels (one empty frame when none has). `labels` lies on the grid
/// that read_volume gave for `source` with `options`. Atomic. Attributes of the source that break their own rules are
/// left out; their names are returned. Error(kUnsupported) when the source is no DICOM, kShape when the labels lie
/// elsewhere.
std::vector<std::string> write_dicom_seg(const std::filesystem::path& path, const LabelVolume& labels,
                                         const std::vector<DicomSegment>& segments, const std::filesystem::path& source,
                                         const VolumeReadOptions& options = {});

}  // namespace fovea::io
