#include "volume/itk_bridge.h"

#include <algorithm>
#include <mutex>

#include <itkImageFileReader.h>

#include <fovea/base/error.h>

#include "volume/volume_readers.h"

namespace fovea::io {
namespace {

template <unsigned Dimension>
typename itk::Image<float, Dimension>::Pointer load(itk::ImageIOBase* image_io, const std::filesystem::path& path) {
  auto reader = itk::ImageFileReader<itk::Image<float, Dimension>>::New();
  reader->SetFileName(path.string());
  reader->SetImageIO(image_io);
  reader->Update();
  typename itk::Image<float, Dimension>::Pointer image = reader->GetOutput();  // keeps it alive past the reader
  image->DisconnectPipeline();
  return image;
}

/// Geometry as the file says it. For 4-D files the fourth axis is left out.
Geometry geometry_of(const itk::ImageIOBase& image_io) {
  Geometry geometry;
  for (unsigned axis = 0; axis < 3; ++axis) {
    const bool there = axis < image_io.GetNumberOfDimensions();
    geometry.size[axis] = there ? static_cast<std::int64_t>(image_io.GetDimensions(axis)) : 1;
    geometry.spacing_mm[axis] = there ? image_io.GetSpacing(axis) : 1;
    geometry.origin_mm[axis] = there ? image_io.GetOrigin(axis) : 0;
    const auto column = there ? image_io.GetDirection(axis) : std::vector<double>{};
    for (unsigned row = 0; row < 3; ++row)
      geometry.direction[3 * row + axis] = row < column.size() ? column[row] : (row == axis ? 1.0 : 0.0);
  }
  return geometry;
}

std::int64_t volumes_in(const itk::ImageIOBase& image_io) {
  std::int64_t count = 1;
  for (unsigned axis = 3; axis < image_io.GetNumberOfDimensions(); ++axis)
    count *= static_cast<std::int64_t>(image_io.GetDimensions(axis));
  return count;
}

void check_kind(const std::string& subject, const itk::ImageIOBase& image_io, const VolumeReadOptions& options) {
  const std::int64_t volumes = volumes_in(image_io);
  if (image_io.GetNumberOfComponents() != 1)
    throw Error(
        ErrorCode::kUnsupported, subject,
        "the volume has " + std::to_string(image_io.GetNumberOfComponents()) + " values per voxel (colour or vectors)",
        "Give a grey volume.");
  if (image_io.GetNumberOfDimensions() < 3)
    throw Error(ErrorCode::kUnsupported, subject, "this is a 2-D image, not a volume",
                "Give a volume with several slices.");
  if (image_io.GetNumberOfDimensions() > 4)
    throw Error(ErrorCode::kUnsupported, subject, "the file has more than four dimensions",
                "Extract one volume of it.");
  if (volumes > 1 && !options.volume_index)
    throw Error(ErrorCode::kUnsupported, subject, "this is a 4-D file of " + std::to_string(volumes) + " volumes",
                "Name the one you mean with --volume-index (0 to " + std::to_string(volumes - 1) + ").");
  if (options.volume_index && (*options.volume_index < 0 || *options.volume_index >= volumes))
    throw Error(ErrorCode::kUsage, subject, "there is no volume " + std::to_string(*options.volume_index),
                "The file holds volumes 0 to " + std::to_string(volumes - 1) + ".");
}

}  // namespace

void silence_itk() {
  static std::once_flag once;
  std::call_once(once, [] { itk::Object::GlobalWarningDisplayOff(); });
}

std::string reason_of(const itk::ExceptionObject& exception) {
  std::string text = exception.GetDescription();
  if (const auto colon = text.find("): "); colon != std::string::npos) text = text.substr(colon + 3);
  text = text.substr(0, text.find('\n'));
  // File names may identify a patient: the message names the subject itself.
  return text.find('/') == std::string::npos && !text.empty() ? text : "its content could not be read";
}

Volume read_with(itk::ImageIOBase* image_io, const std::filesystem::path& path, const VolumeReadOptions& options) {
  silence_itk();
  const std::string subject = path.string();
  try {
    image_io->SetFileName(path.string());
    image_io->ReadImageInformation();
    check_kind(subject, *image_io, options);
    Volume volume;
    volume.geometry = geometry_of(*image_io);
    const auto voxels = static_cast<std::size_t>(volume.geometry.voxels());
    const std::int64_t volumes = volumes_in(*image_io);
    check_memory(subject, static_cast<double>(voxels) * static_cast<double>(volumes > 1 ? volumes : 1), options);
    if (volumes > 1) {
      const auto image = load<4>(image_io, path);
      const float* first = image->GetBufferPointer() + voxels * static_cast<std::size_t>(*options.volume_index);
      volume.values.assign(first, first + voxels);
    } else {
      const auto image = load<3>(image_io, path);
      volume.values.assign(image->GetBufferPointer(), image->GetBufferPointer() + voxels);
    }
    finish_volume(subject, volume);
    return volume;
  } catch (const itk::ExceptionObject& exception) {
    const std::string reason = reason_of(exception);
    if (reason.find("orthonormal") != std::string::npos)
      throw Error(ErrorCode::kUnsupported, subject, "the header's axes are sheared (not orthonormal)",
                  "Resample it to a regular grid first.");
    throw Error(ErrorCode::kCorrupt, subject, "the volume cannot be read (" + reason + ")",
                "Copy or export it again; the file may be truncated.");
  }
}

}  // namespace fovea::io
