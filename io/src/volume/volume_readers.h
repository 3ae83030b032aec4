// The contract of a volume reader, and helpers shared by the readers. The ordered table stands in read_volume.cc.
#pragma once

#include <string>

#include <fovea/io/volume.h>

namespace fovea::io {

struct VolumeReader {
  std::string_view name;
  bool (*detect)(const std::filesystem::path& path);
  Volume (*read)(const std::filesystem::path& path, const VolumeReadOptions& options);
};

bool is_dicom(const std::filesystem::path& path);
Volume read_dicom(const std::filesystem::path& path, const VolumeReadOptions& options);
bool is_nifti(const std::filesystem::path& path);
Volume read_nifti(const std::filesystem::path& path, const VolumeReadOptions& options);
bool is_nrrd(const std::filesystem::path& path);
Volume read_nrrd(const std::filesystem::path& path, const VolumeReadOptions& options);
bool is_meta_image(const std::filesystem::path& path);
Volume read_meta_image(const std::filesystem::path& path, const VolumeReadOptions& options);

/// Error(kOutOfMemory) when the volume and its working copies would not fit (mri-io.md 7); from sizes alone.
void check_memory(const std::string& subject, double voxels, const VolumeReadOptions& options);

/// NaN and infinite voxels to 0 with a notice, impossible geometry refused, content hash. The last step of every
/// reader.
void finish_volume(const std::string& subject, Volume& volume);

}  // namespace fovea::io
