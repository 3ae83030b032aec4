// Volumes: MRI files to plain arrays and back. One geometry model: LPS millimetres, as in ITK and DICOM.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fovea::io {

/// index -> physical: p = origin + direction * diag(spacing) * index, voxel centres, LPS mm.
struct Geometry {
  std::array<std::int64_t, 3> size{0, 0, 0};  ///< voxels along i, j, k
  std::array<double, 3> spacing_mm{1, 1, 1};
  std::array<double, 3> origin_mm{0, 0, 0};                    ///< centre of voxel (0,0,0)
  std::array<double, 9> direction{1, 0, 0, 0, 1, 0, 0, 0, 1};  ///< row-major; its columns are the axis directions

  std::int64_t voxels() const { return size[0] * size[1] * size[2]; }
  double voxel_ml() const;  ///< |det(direction)| * product(spacing) / 1000
  std::array<double, 3> point_lps(std::array<double, 3> index) const;
  bool operator==(const Geometry&) const = default;
};

/// `values[(k * size[1] + j) * size[0] + i]`.
struct Volume {
  Geometry geometry;
  std::vector<float> values;
  std::vector<std::string> notices;  ///< "3 NaN voxels were set to 0", "1 duplicate slice dropped", ...
  std::string modality;              ///< DICOM modality, else empty
  std::string content_hash;          ///< SHA-256 over geometry and values: identity without identifiers
};

struct LabelVolume {
  Geometry geometry;
  std::vector<std::uint8_t> values;
};

struct VolumeReadOptions {
  std::optional<int> volume_index;       ///< which 3-D volume of a 4-D file; absent: a 4-D file is refused
  std::string series;                    ///< DICOM: part of the description or the number in the listing
  bool accept_irregular_slices = false;  ///< resample by real positions instead of refusing a gap
  double max_bytes =
      4.0 * 1024 * 1024 * 1024;  ///< estimate from the header alone; Error(kOutOfMemory) before allocation
};

struct SeriesInfo {
  std::string description, modality;  ///< the description only; no patient data
  Geometry geometry;
  std::string uid;  ///< internal handle, not for display
};

/// NIfTI (.nii, .nii.gz, pairs), NRRD (.nrrd, .nhdr with a local data file), MetaImage, a DICOM file or folder. Every
/// trap of mri-io.md 2.1-2.3 is refused or handled as its table says, with one sentence.
Volume read_volume(const std::filesystem::path& path, const VolumeReadOptions& options = {});

std::vector<SeriesInfo> list_series(const std::filesystem::path& folder);

struct Segment {
  std::string id = "Segment_1", name;
  std::array<double, 3> color{0.9, 0.3, 0.2};  ///< 0..1
  int label_value = 1;
  std::string terminology;  ///< Slicer's TerminologyEntry, may be empty
};

// Writers are atomic and copy the geometry bit for bit. `.nii.gz`, `.nrrd` and `.seg.nrrd` by name.
void write_volume(const std::filesystem::path& path, const Volume& volume);
void write_label_map(const std::filesystem::path& path, const LabelVolume& labels);
/// `.seg.nrrd` with the keys of mri-io.md 4.2; a mask without lesion is the full zero grid.
void write_seg_nrrd(const std::filesystem::path& path, const LabelVolume& labels, const std::vector<Segment>& segments);

}  // namespace fovea::io
