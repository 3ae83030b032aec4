#include "mri/evaluation/case_result.h"

#include <array>
#include <cmath>

#include <fovea/base/error.h>

#include "mri/same_grid.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

constexpr std::size_t kSteps = 10;
constexpr double kLabelTolerance = 1e-3, kProbabilityTolerance = 1e-3;

/// 0.1, 0.2, ..., 1.0 as numbers with one decimal, so that a stored 0.7 (float: 0.69999999) is below 0.7 as it is for
/// numpy.
double step_threshold(std::size_t step) {
  return std::round(static_cast<double>(step + 1) * 10) / 100;
}

std::string name_of(const std::filesystem::path& path) {
  return path.filename().string();
}

io::Volume volume_at(const std::filesystem::path& path, const CaseFiles& files, const char* what) {
  if (path.empty())
    throw Error(ErrorCode::kNotFound, "case " + files.name, std::string("there is no ") + what + " for it",
                "Add the file, or leave the case out.");
  return io::read_volume(path);
}

void check_grids(const io::Geometry& reference, const io::Geometry& other, const std::filesystem::path& path) {
  if (!same_grid(reference, other))
    throw Error(ErrorCode::kShape, name_of(path),
                "it (" + size_text(other.size) + ") does not lie on the reference's grid (" +
                    size_text(reference.size) + "), or position or spacing differ",
                "Resample it onto the reference's grid.");
}

io::Volume probability_of(const CaseFiles& files, const io::Geometry& reference) {
  io::Volume volume = volume_at(files.probability, files, "probability");
  check_grids(reference, volume.geometry, files.probability);
  for (const float p : volume.values)
    if (p < -kProbabilityTolerance || p > 1 + kProbabilityTolerance)
      throw Error(ErrorCode::kCorrupt, name_of(files.probability),
                  "it holds " + slide::number_text(p) + ", which is no probability", "Give values between 0 and 1.");
  return volume;
}

}  // namespace

std::vector<std::uint8_t> mask_of(const io::Volume& volume, const std::filesystem::path& path, int label) {
  std::vector<std::uint8_t> mask(volume.values.size());
  for (std::size_t i = 0; i < mask.size(); ++i) {
    const double value = volume.values[i], whole = std::round(value);
    if (std::abs(value - whole) > kLabelTolerance || whole < 0)
      throw Error(ErrorCode::kCorrupt, name_of(path),
                  "it holds " + slide::number_text(value) + ", which is no label of a mask",
                  "Give masks with whole numbers; probabilities belong into the column probability.");
    mask[i] = label == 0 ? whole != 0 : whole == label;
  }
  return mask;
}

CaseMasks read_case_masks(const CaseFiles& files, const CaseSettings& settings) {
  CaseMasks masks;
  {
    const io::Volume reference = volume_at(files.reference, files, "reference");
    masks.geometry = reference.geometry;
    masks.reference = mask_of(reference, files.reference, settings.label);
  }
  const bool labels = settings.source == MaskSource::kLabels;
  if (labels && (!files.prediction.empty() || files.probability.empty())) {
    const io::Volume prediction = volume_at(files.prediction, files, "prediction");
    check_grids(masks.geometry, prediction.geometry, files.prediction);
    masks.prediction = mask_of(prediction, files.prediction, settings.label);
    return masks;
  }
  const double threshold = labels ? 0.5 : settings.threshold;
  const io::Volume probability = probability_of(files, masks.geometry);
  for (const float p : probability.values) masks.prediction.push_back(static_cast<double>(p) >= threshold);
  return masks;
}

std::vector<SweepPoint> read_case_sweep(const CaseFiles& files, const CaseSettings& settings) {
  if (files.probability.empty()) return {};
  const io::Volume reference = volume_at(files.reference, files, "reference");
  const std::vector<std::uint8_t> inside = mask_of(reference, files.reference, settings.label);
  const io::Volume probability = probability_of(files, reference.geometry);
  // How many voxels reach exactly so many thresholds, outside and inside the reference.
  std::array<std::array<std::int64_t, kSteps + 1>, 2> reached{};
  for (std::size_t i = 0; i < inside.size(); ++i) {
    std::size_t steps = 0;
    while (steps < kSteps && static_cast<double>(probability.values[i]) >= step_threshold(steps)) ++steps;
    ++reached[inside[i]][steps];
  }
  std::vector<SweepPoint> sweep(kSteps);
  VoxelCounts counts;
  for (const std::int64_t voxels : reached[1]) counts.reference_only += voxels;
  for (std::size_t step = kSteps; step-- > 0;) {
    counts.both += reached[1][step + 1], counts.reference_only -= reached[1][step + 1];
    counts.predicted_only += reached[0][step + 1];
    sweep[step] = {step_threshold(step), voxel_metrics(counts)};
  }
  return sweep;
}

}  // namespace fovea::pipeline::mri
