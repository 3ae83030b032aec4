#include "mri/bias_correction.h"

#include <algorithm>
#include <cmath>

#include <itkN4BiasFieldCorrectionImageFilter.h>

#include "mri/resample.h"
#include "mri/resize.h"

namespace fovea::pipeline::mri {
namespace {

using Image = itk::Image<float, 3>;
using Marks = itk::Image<unsigned char, 3>;
using Filter = itk::N4BiasFieldCorrectionImageFilter<Image, Marks, Image>;
using Field = itk::BSplineControlPointImageFilter<Filter::BiasFieldControlPointLatticeType, Filter::ScalarImageType>;

constexpr double kCoarseMm = 4, kConverged = 1e-3;
constexpr unsigned kLevels = 4, kIterations = 50, kControlPoints = 4, kBins = 200;
constexpr std::int64_t kLeastVoxels = 500;  // joined
constexpr double kMostNegative = 0.01;      // of the head: more is no scanner's image

/// Joined voxels along each axis. B-splines of 4 control points want some along every one.
Index3 coarse_size(const io::Geometry& g) {
  Index3 size;
  for (std::size_t a = 0; a < 3; ++a) {
    const auto factor = std::max<std::int64_t>(1, std::llround(std::ceil(kCoarseMm / g.spacing_mm[a] - 0.05)));
    size[a] = std::max<std::int64_t>(std::min<std::int64_t>(g.size[a], kControlPoints), g.size[a] / factor);
  }
  return size;
}

template <class Made>
typename Made::Pointer image_of(const Grid& grid, const Vec3& spacing_mm) {
  const auto image = Made::New();
  image->SetRegions(typename Made::SizeType{static_cast<itk::SizeValueType>(grid.size[0]),
                                            static_cast<itk::SizeValueType>(grid.size[1]),
                                            static_cast<itk::SizeValueType>(grid.size[2])});
  image->SetSpacing(spacing_mm.data());
  image->Allocate();
  std::copy(grid.values.begin(), grid.values.end(), image->GetBufferPointer());
  return image;
}

/// log of the field on the coarse grid.
Grid field_of(const Grid& values, const Grid& head, const Vec3& spacing_mm) {
  const auto filter = Filter::New();
  const auto input = image_of<Image>(values, spacing_mm);
  filter->SetInput(input);
  filter->SetMaskImage(image_of<Marks>(head, spacing_mm));
  filter->SetNumberOfFittingLevels(kLevels);
  Filter::VariableSizeArrayType iterations(kLevels);
  iterations.Fill(kIterations);
  filter->SetMaximumNumberOfIterations(iterations);
  filter->SetConvergenceThreshold(kConverged);
  filter->SetNumberOfHistogramBins(kBins);
  filter->SetNumberOfControlPoints(kControlPoints);
  filter->Update();
  const auto field = Field::New();
  field->SetInput(filter->GetLogBiasFieldControlPointLattice());
  field->SetSplineOrder(filter->GetSplineOrder());
  field->SetSize(input->GetLargestPossibleRegion().GetSize());
  field->SetOrigin(input->GetOrigin());
  field->SetDirection(input->GetDirection());
  field->SetSpacing(input->GetSpacing());
  field->Update();
  Grid result(values.size);
  const auto* from = field->GetOutput()->GetBufferPointer();
  for (std::size_t i = 0; i < result.values.size(); ++i) result.values[i] = from[i][0];
  return result;
}

}  // namespace

bool correct_bias(io::Volume& volume, const Mask& head) {
  const io::Geometry& g = volume.geometry;
  std::size_t inside_count = 0, negative = 0;
  for (std::size_t i = 0; i < volume.values.size(); ++i)
    inside_count += head.values[i], negative += head.values[i] && volume.values[i] < 0;
  if (static_cast<double>(negative) > kMostNegative * static_cast<double>(inside_count)) return false;
  const Index3 coarse = coarse_size(g);
  const auto joined = [&](std::vector<float>& values) {
    Grid grid;
    grid.size = g.size;
    grid.values.swap(values);
    Grid small = resize_antialiased(grid, coarse, Interpolation::kLinear);
    grid.values.swap(values);
    return small;
  };
  const Grid values = joined(volume.values);
  Grid inside;
  {
    std::vector<float> marks(head.values.begin(), head.values.end());
    inside = joined(marks);
  }
  std::int64_t count = 0;
  for (std::size_t i = 0; i < inside.values.size(); ++i) {
    inside.values[i] = inside.values[i] > 0.5F && values.values[i] > 0;  // the logarithm's domain
    count += inside.values[i] > 0;
  }
  if (count < kLeastVoxels) return false;
  Vec3 spacing_mm;
  for (std::size_t a = 0; a < 3; ++a)
    spacing_mm[a] = g.spacing_mm[a] * static_cast<double>(g.size[a]) / static_cast<double>(coarse[a]);

  // As in registration: ITK adds up in the order in which its threads end, and 4 mm are few voxels.
  itk::MultiThreaderBase::SetGlobalDefaultNumberOfThreads(1);
  Grid field;
  try {
    field = field_of(values, inside, spacing_mm);
  } catch (const itk::ExceptionObject&) {  // no structure to fit to
    return false;
  }

  // Slice by slice: the field in full would be a second volume. Its mean over the head stays 1, so that units stay.
  double sum = 0;
  for (std::size_t i = 0; i < field.values.size(); ++i) sum += inside.values[i] > 0 ? field.values[i] : 0;
  const auto middle = static_cast<float>(sum / static_cast<double>(count));
  const Affine coarse_from_fine = over_same_box(g.size, coarse);
  const auto plane = static_cast<std::size_t>(g.size[0] * g.size[1]);
  for (std::int64_t z = 0; z < g.size[2]; ++z) {
    Affine from_slice = coarse_from_fine;
    from_slice.offset = coarse_from_fine({0, 0, static_cast<double>(z)});
    // The outermost half voxel repeats the edge; the coarse grid covers the volume's box exactly.
    const Grid slice =
        resample(field, from_slice, {g.size[0], g.size[1], 1}, Interpolation::kLinear, Outside::kHalfVoxel);
    float* value = volume.values.data() + static_cast<std::size_t>(z) * plane;
    for (std::size_t i = 0; i < plane; ++i) value[i] /= std::exp(slice.values[i] - middle);
  }
  return true;
}

}  // namespace fovea::pipeline::mri
