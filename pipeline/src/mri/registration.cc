#include "mri/registration.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <future>
#include <numbers>
#include <vector>

#include <itkAffineTransform.h>
#include <itkCommand.h>
#include <itkEuler3DTransform.h>
#include <itkImageRegistrationMethodv4.h>
#include <itkMattesMutualInformationImageToImageMetricv4.h>
#include <itkRegistrationParameterScalesFromPhysicalShift.h>
#include <itkRegularStepGradientDescentOptimizerv4.h>

#include "mri/resample.h"
#include "mri/resize.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

using Image = itk::Image<float, 3>;
using Rigid = itk::Euler3DTransform<double>;
using General = itk::AffineTransform<double, 3>;
using Linear = itk::MatrixOffsetTransformBase<double, 3, 3>;  // of both
using Metric = itk::MattesMutualInformationImageToImageMetricv4<Image, Image>;
using Optimizer = itk::RegularStepGradientDescentOptimizerv4<double>;

constexpr unsigned kBins = 50, kLevels = 3, kIterations = 300;
constexpr double kShare = 0.5, kMostSamples = 1e6, kStep = 2.0, kLeastStep = 1e-3, kRelaxation = 0.6;
constexpr double kFlat = 1e-6;  // ITK's 1e-4 stops early: restarts then end 0.15 mm apart
constexpr unsigned kShrink[kLevels] = {4, 2, 1};
constexpr double kSmoothingMm[kLevels] = {4, 2, 1};
constexpr double kSameResultMm = 1.0, kFinestMm = 1.0;
constexpr std::int64_t kLeastPlanes = 6;  // that shrinking leaves along an axis
constexpr double kNoInformation = -1e-3;  // nats: one of the scans is constant where they meet
constexpr int kSeed = 121212;             // of the jitter of ITK's regular sampling
// ITK's threads add up in the order in which they end, and no two runs would be alike: it gets one a start.
constexpr itk::ThreadIdType kItkThreads = 1;
constexpr double kExpectedIterations = 3 * 40;  // for the progress bar alone

/// Voxels finer than that are joined.
io::Volume coarsened(const io::Volume& volume, double finest_mm) {
  io::Volume coarse;
  io::Geometry& g = coarse.geometry = volume.geometry;
  Vec3 first{0, 0, 0};
  for (std::size_t a = 0; a < 3; ++a) {
    const auto factor = static_cast<std::int64_t>(finest_mm / volume.geometry.spacing_mm[a] + 1e-6);
    if (factor < 2 || volume.geometry.size[a] < 2 * factor) continue;
    g.size[a] = volume.geometry.size[a] / factor;
    const double scale = static_cast<double>(volume.geometry.size[a]) / static_cast<double>(g.size[a]);
    g.spacing_mm[a] *= scale;
    first[a] = 0.5 * scale - 0.5;
  }
  g.origin_mm = volume.geometry.point_lps(first);
  Grid grid;
  grid.size = volume.geometry.size, grid.values = volume.values;
  coarse.values =
      g.size == grid.size ? std::move(grid.values) : resize_antialiased(grid, g.size, Interpolation::kLinear).values;
  return coarse;
}

Image::Pointer image_of(const io::Volume& volume) {
  const io::Geometry& g = volume.geometry;
  const Image::Pointer image = Image::New();
  Image::SizeType size;
  Image::DirectionType direction;
  for (unsigned r = 0; r < 3; ++r) {
    size[r] = static_cast<itk::SizeValueType>(g.size[r]);
    for (unsigned c = 0; c < 3; ++c) direction(r, c) = g.direction[3 * r + c];
  }
  image->SetRegions(size);
  image->SetSpacing(g.spacing_mm.data());
  image->SetOrigin(g.origin_mm.data());
  image->SetDirection(direction);
  image->Allocate();
  std::copy(volume.values.begin(), volume.values.end(), image->GetBufferPointer());
  return image;
}

Vec3 middle(const io::Geometry& g) {
  return g.point_lps({static_cast<double>(g.size[0] - 1) / 2, static_cast<double>(g.size[1] - 1) / 2,
                      static_cast<double>(g.size[2] - 1) / 2});
}

/// Centre of the voxels above a fifth of the intensity range: the head's, wherever it lies in the image.
Vec3 head_centre(const io::Volume& volume) {
  const auto [low, high] = std::minmax_element(volume.values.begin(), volume.values.end());
  const float level = *low + 0.2F * (*high - *low);
  Vec3 sum{};
  double count = 0;
  std::size_t at = 0;
  for (std::int64_t k = 0; k < volume.geometry.size[2]; ++k)
    for (std::int64_t j = 0; j < volume.geometry.size[1]; ++j)
      for (std::int64_t i = 0; i < volume.geometry.size[0]; ++i, ++at)
        if (volume.values[at] > level)
          sum[0] += static_cast<double>(i), sum[1] += static_cast<double>(j), sum[2] += static_cast<double>(k), ++count;
  if (count == 0) return middle(volume.geometry);
  return volume.geometry.point_lps({sum[0] / count, sum[1] / count, sum[2] / count});
}

double distance(const Vec3& a, const Vec3& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

Affine affine_of(const Linear& transform) {
  Affine affine;
  for (unsigned r = 0; r < 3; ++r) {
    for (unsigned c = 0; c < 3; ++c) affine.linear[3 * r + c] = transform.GetMatrix()(r, c);
    affine.offset[r] = transform.GetOffset()[r];
  }
  return affine;
}

double turned_degrees(const Affine& rigid) {
  const double trace = rigid.linear[0] + rigid.linear[4] + rigid.linear[8];
  return std::acos(std::clamp((trace - 1) / 2, -1.0, 1.0)) * 180 / std::numbers::pi;
}

/// Sets a transform to a map, about the transform's own centre.
void set_map(Linear& transform, const Affine& map) {
  Linear::MatrixType matrix;
  Linear::OutputVectorType offset;
  for (unsigned r = 0; r < 3; ++r) {
    for (unsigned c = 0; c < 3; ++c) matrix(r, c) = map.linear[3 * r + c];
    offset[r] = map.offset[r];
  }
  transform.SetMatrix(matrix);
  transform.SetOffset(offset);
}

/// Two scans and how they are compared. Runs may go on side by side: each has its own images, which share voxels.
class Pair {
 public:
  Pair(const io::Volume& fixed, const io::Volume& moving)
      : fixed_geometry_(fixed.geometry), fixed_(image_of(fixed)), moving_(image_of(moving)) {
    itk::MultiThreaderBase::SetGlobalDefaultNumberOfThreads(kItkThreads);
  }

  /// Improves `transform`, which holds the start. `advance` is called with 0..1 and may throw.
  template <class Transform>
  Affine improve(const typename Transform::Pointer& transform, const std::function<void(double)>& advance) const {
    using Method = itk::ImageRegistrationMethodv4<Image, Image, Transform>;
    const auto optimizer = Optimizer::New();
    optimizer->SetLearningRate(kStep);
    optimizer->SetMinimumStepLength(kLeastStep);
    optimizer->SetNumberOfIterations(kIterations);
    optimizer->SetRelaxationFactor(kRelaxation);
    optimizer->SetGradientMagnitudeTolerance(kFlat);
    optimizer->SetDoEstimateLearningRateOnce(false);
    optimizer->SetDoEstimateLearningRateAtEachIteration(false);
    const Metric::Pointer metric = new_metric();
    const auto scales = itk::RegistrationParameterScalesFromPhysicalShift<Metric>::New();
    scales->SetMetric(metric);
    optimizer->SetScalesEstimator(scales);
    int iterations = 0;
    optimizer->AddObserver(itk::IterationEvent(), [&](const itk::EventObject&) {
      if (advance) advance(std::min(1.0, ++iterations / kExpectedIterations));
    });

    const auto method = Method::New();
    method->SetFixedImage(shared(fixed_));
    method->SetMovingImage(shared(moving_));
    method->SetMetric(metric);
    method->SetOptimizer(optimizer);
    method->SetInitialTransform(transform);
    method->InPlaceOn();
    set_levels(*method);
    method->MetricSamplingReinitializeSeed(kSeed);
    method->Update();
    return affine_of(*transform);
  }

  Affine rigid_from(const Vec3& translation_mm, const std::function<void(double)>& advance) const {
    const auto transform = Rigid::New();
    transform->SetCenter(itk::Point<double, 3>(middle(fixed_geometry_).data()));
    Rigid::OutputVectorType translation;
    for (unsigned a = 0; a < 3; ++a) translation[a] = translation_mm[a];
    transform->SetTranslation(translation);
    return improve<Rigid>(transform, advance);
  }

  Affine affine_from(const Affine& start, const std::function<void(double)>& advance) const {
    const auto transform = General::New();
    transform->SetCenter(itk::Point<double, 3>(middle(fixed_geometry_).data()));
    set_map(*transform, start);
    return improve<General>(transform, advance);
  }

  /// Of an alignment as it is, on all voxels that both scans hold.
  double metric_at(const Affine& map) const {
    const auto transform = General::New();
    set_map(*transform, map);
    const Metric::Pointer metric = new_metric();
    metric->SetFixedImage(fixed_);
    metric->SetMovingImage(moving_);
    metric->SetMovingTransform(transform);
    metric->Initialize();
    return metric->GetValue();
  }

 private:
  static Image::Pointer shared(const Image::Pointer& image) {
    const auto copy = Image::New();
    copy->Graft(image);
    return copy;
  }

  static Metric::Pointer new_metric() {
    const auto metric = Metric::New();
    metric->SetNumberOfHistogramBins(kBins);
    metric->SetMaximumNumberOfWorkUnits(kItkThreads);
    metric->SetUseFixedImageGradientFilter(false);  // only the moving image's gradient is asked for
    return metric;
  }

  template <class Method>
  void set_levels(Method& method) const {
    method.SetNumberOfLevels(kLevels);
    typename Method::SmoothingSigmasArrayType sigmas(kLevels);
    typename Method::MetricSamplingPercentageArrayType shares(kLevels);
    for (unsigned level = 0; level < kLevels; ++level) {
      typename Method::ShrinkFactorsPerDimensionContainerType factors;
      double voxels = 1;
      for (unsigned a = 0; a < 3; ++a) {
        factors[a] = static_cast<unsigned>(std::clamp<std::int64_t>(
            kShrink[level], 1, std::max<std::int64_t>(1, fixed_geometry_.size[a] / kLeastPlanes)));
        voxels *= static_cast<double>(fixed_geometry_.size[a]) / factors[a];
      }
      method.SetShrinkFactorsPerDimension(level, factors);
      sigmas[level] = kSmoothingMm[level];
      shares[level] = std::min(kShare, kMostSamples / voxels);
    }
    method.SetSmoothingSigmasPerLevel(sigmas);
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn();
    method.SetMetricSamplingStrategy(Method::MetricSamplingStrategyEnum::REGULAR);
    method.SetMetricSamplingPercentagePerLevel(shares);
  }

  io::Geometry fixed_geometry_;
  Image::Pointer fixed_, moving_;
};

struct GivenUp {};

/// From every start, side by side where there are threads; the ones that ended. `advance` is called on this thread.
std::vector<Affine> rigid_from_all(const Pair& pair, const std::vector<Vec3>& starts, int threads,
                                   const std::function<void(double)>& advance) {
  std::vector<std::atomic<double>> done(starts.size());
  std::atomic<bool> give_up = false;
  const auto policy = threads > 1 && starts.size() > 1 ? std::launch::async : std::launch::deferred;
  const auto tell = [&] {
    double sum = 0;
    for (const auto& each : done) sum += each.load() / static_cast<double>(starts.size());
    if (advance) advance(sum);
  };
  std::vector<std::future<Affine>> runs;
  for (std::size_t i = 0; i < starts.size(); ++i)
    runs.push_back(std::async(policy, [&, i] {
      return pair.rigid_from(starts[i], [&, i](double share) {
        done[i] = share;
        if (give_up) throw GivenUp();
        if (policy == std::launch::deferred) tell();
      });
    }));
  std::vector<Affine> maps;
  std::exception_ptr stopped;
  for (auto& run : runs) {
    while (!stopped && run.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout) {
      try {
        tell();
      } catch (...) {
        stopped = std::current_exception(), give_up = true;
      }
    }
    try {
      maps.push_back(run.get());
    } catch (const itk::ExceptionObject&) {  // the scans do not overlap enough from there
    } catch (const GivenUp&) {
    }
  }
  if (stopped) std::rethrow_exception(stopped);
  return maps;
}

/// Both starts where they differ, and the better result.
void find_map(const io::Volume& fixed, const io::Volume& moving, int threads,
              const std::function<void(double)>& advance, Registration& result) {
  const Pair pair(fixed, moving);
  try {
    result.metric_before = pair.metric_at(Affine{});
  } catch (const itk::ExceptionObject&) {
    result.metric_before = 0;  // by their headers the scans do not meet: no information
  }
  const Vec3 from = middle(fixed.geometry), to = middle(moving.geometry);
  std::vector<Vec3> starts{{0, 0, 0}};
  if (distance(from, to) > kSameResultMm) starts.push_back({to[0] - from[0], to[1] - from[1], to[2] - from[2]});
  const std::vector<Affine> maps = rigid_from_all(pair, starts, threads, advance);
  if (maps.empty()) {
    result.problem = "the scans do not overlap enough to be compared";
    return;
  }
  std::vector<double> metrics;
  for (const Affine& map : maps) metrics.push_back(pair.metric_at(map));
  std::size_t best = 0;
  if (maps.size() == 2) {
    result.restart_mm = mean_distance_mm(maps[0], maps[1], fixed.geometry);
    best = result.restart_mm > kSameResultMm && metrics[1] < metrics[0] ? 1 : 0;
  }
  result.moving_from_fixed_lps = maps[best], result.metric_after = metrics[best];
}

/// The quality gate of mri-io.md 5.
void judge(const Vec3& head, Registration& result) {
  if (!result.problem.empty()) return;
  result.moved_mm = distance(head, result.moving_from_fixed_lps(head));
  result.rotation_degrees = turned_degrees(result.moving_from_fixed_lps);
  if (result.moved_mm > kMostMovedMm || result.rotation_degrees > kMostTurnedDegrees) {
    result.problem = "it would move the head by " + slide::fixed_text(result.moved_mm, 1) + " mm and turn it by " +
                     slide::fixed_text(result.rotation_degrees, 1) + " degrees, more than is believable";
  } else if (!(result.metric_before < kNoInformation)) {
    if (!(result.metric_after < kNoInformation)) result.problem = "the scans have no structure in common";
  } else if (!(result.metric_after < result.metric_before)) {
    result.by_headers = true;
    result.moving_from_fixed_lps = Affine{};
    result.metric_after = result.metric_before, result.moved_mm = result.rotation_degrees = 0;
  }
}

}  // namespace

Registration register_rigid(const io::Volume& fixed, const io::Volume& moving, int threads,
                            const std::function<void(double)>& advance) {
  Registration result;
  const io::Volume coarse_fixed = coarsened(fixed, kFinestMm);
  try {
    find_map(coarse_fixed, coarsened(moving, kFinestMm), threads, advance, result);
  } catch (const itk::ExceptionObject&) {
    result.problem = "the scans could not be compared";
  }
  judge(head_centre(coarse_fixed), result);
  result.accepted = result.problem.empty();
  if (!result.accepted) result.moving_from_fixed_lps = Affine{};
  return result;
}

std::optional<Affine> register_template(const io::Volume& fixed, const io::Volume& moving, double finest_mm,
                                        const std::function<void(double)>& advance) {
  constexpr double kRigidPart = 0.4;
  const auto part = [&](double from, double to) {
    return [&advance, from, to](double done) {
      if (advance) advance(from + (to - from) * done);
    };
  };
  const io::Volume coarse_fixed = coarsened(fixed, finest_mm), coarse_moving = coarsened(moving, finest_mm);
  try {
    const Pair pair(coarse_fixed, coarse_moving);
    const Vec3 from = head_centre(coarse_fixed), to = head_centre(coarse_moving);
    const Affine rigid = pair.rigid_from({to[0] - from[0], to[1] - from[1], to[2] - from[2]}, part(0, kRigidPart));
    return pair.affine_from(rigid, part(kRigidPart, 1));
  } catch (const itk::ExceptionObject&) {
    return std::nullopt;
  }
}

double mean_distance_mm(const Affine& a, const Affine& b, const io::Geometry& fixed) {
  constexpr int kPoints = 5;  // along each axis of the grid's box
  double sum = 0;
  for (int point = 0; point < kPoints * kPoints * kPoints; ++point) {
    const int at[3] = {point % kPoints, point / kPoints % kPoints, point / (kPoints * kPoints)};
    Vec3 index;
    for (std::size_t axis = 0; axis < 3; ++axis)
      index[axis] = static_cast<double>(fixed.size[axis] - 1) * at[axis] / (kPoints - 1);
    const Vec3 p = fixed.point_lps(index);
    sum += distance(a(p), b(p));
  }
  return sum / (kPoints * kPoints * kPoints);
}

Grid on_fixed_grid(const io::Volume& moving, const Affine& moving_from_fixed_lps, const io::Geometry& fixed) {
  Grid source;
  source.size = moving.geometry.size, source.values = moving.values;
  const Affine moving_from_fixed =
      compose(compose(inverse(lps_from_index(moving.geometry)), moving_from_fixed_lps), lps_from_index(fixed));
  return resample(source, moving_from_fixed, fixed.size, Interpolation::kLinear, Outside::kHalfVoxel);
}

}  // namespace fovea::pipeline::mri
