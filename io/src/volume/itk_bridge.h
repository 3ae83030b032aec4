// ITK images to our values and back, in one place. ITK holds LPS millimetres as we do: nothing is flipped.
#pragma once

#include <itkImage.h>
#include <itkImageIOBase.h>

#include <fovea/io/volume.h>

namespace fovea::io {

/// Reads a 3-D volume (or one volume of a 4-D file) with the given ImageIO. Exceptions of ITK become Error(kCorrupt).
Volume read_with(itk::ImageIOBase* image_io, const std::filesystem::path& path, const VolumeReadOptions& options);

template <class Pixel>
typename itk::Image<Pixel, 3>::Pointer image_of(const Geometry& geometry) {
  auto image = itk::Image<Pixel, 3>::New();
  typename itk::Image<Pixel, 3>::SizeType size;
  typename itk::Image<Pixel, 3>::SpacingType spacing;
  typename itk::Image<Pixel, 3>::PointType origin;
  typename itk::Image<Pixel, 3>::DirectionType direction;
  for (unsigned i = 0; i < 3; ++i) {
    size[i] = static_cast<itk::SizeValueType>(geometry.size[i]);
    spacing[i] = geometry.spacing_mm[i];
    origin[i] = geometry.origin_mm[i];
    for (unsigned j = 0; j < 3; ++j) direction(i, j) = geometry.direction[3 * i + j];
  }
  image->SetRegions(size);
  image->SetSpacing(spacing);
  image->SetOrigin(origin);
  image->SetDirection(direction);
  return image;
}

/// ITK's and GDCM's own printing, off: what is wrong is said once, by us.
void silence_itk();

/// First line of an ITK exception, without its source position and paths.
std::string reason_of(const itk::ExceptionObject& exception);

}  // namespace fovea::io
