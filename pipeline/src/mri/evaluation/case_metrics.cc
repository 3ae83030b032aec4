#include "mri/evaluation/case_metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mri/evaluation/assignment.h"
#include "mri/evaluation/distance_transform.h"

namespace fovea::pipeline::mri {
namespace {

constexpr double kTiny = 1e-6;
constexpr double kMatchDice = 0.1, kDetectedDice = 0.1, kNearMm = 5;
constexpr double kPercentile = 0.95;

/// The masks inside the box that holds both, as 0 and 1. Nothing outside the box changes any figure.
struct Cropped {
  Index3 begin{0, 0, 0}, size{0, 0, 0};
  std::vector<std::uint8_t> reference, prediction;
};

Box box_of(const MaskPair& masks) {
  Box box{masks.size, {0, 0, 0}};
  std::size_t at = 0;
  for (std::int64_t k = 0; k < masks.size[2]; ++k)
    for (std::int64_t j = 0; j < masks.size[1]; ++j)
      for (std::int64_t i = 0; i < masks.size[0]; ++i, ++at) {
        if (masks.reference[at] == 0 && masks.prediction[at] == 0) continue;
        const Index3 index{i, j, k};
        for (std::size_t a = 0; a < 3; ++a)
          box.begin[a] = std::min(box.begin[a], index[a]), box.end[a] = std::max(box.end[a], index[a] + 1);
      }
  return box.end[0] == 0 ? Box{} : box;
}

Cropped cropped(const MaskPair& masks) {
  const Box box = box_of(masks);
  Cropped part{box.begin, box.size(), {}, {}};
  for (std::int64_t k = box.begin[2]; k < box.end[2]; ++k)
    for (std::int64_t j = box.begin[1]; j < box.end[1]; ++j)
      for (std::int64_t i = box.begin[0]; i < box.end[0]; ++i) {
        const auto at = static_cast<std::size_t>((k * masks.size[1] + j) * masks.size[0] + i);
        part.reference.push_back(masks.reference[at] != 0), part.prediction.push_back(masks.prediction[at] != 0);
      }
  return part;
}

MaskPair pair_of(const Cropped& part, const Vec3& spacing_mm) {
  return {part.size, spacing_mm, part.reference, part.prediction};
}

Vec3 centroid_of(const Component& component, const Cropped& part) {
  Vec3 sum{};
  for (const std::int64_t voxel : component.voxels) {
    sum[0] += static_cast<double>(voxel % part.size[0]);
    sum[1] += static_cast<double>(voxel / part.size[0] % part.size[1]);
    sum[2] += static_cast<double>(voxel / (part.size[0] * part.size[1]));
  }
  for (std::size_t a = 0; a < 3; ++a)
    sum[a] = sum[a] / static_cast<double>(component.voxels.size()) + static_cast<double>(part.begin[a]);
  return sum;
}

// --- objects ---

std::vector<Component> objects_of(const std::vector<std::uint8_t>& mask, const Index3& size, std::int64_t min_voxels) {
  std::vector<Component> objects = find_components(mask, size, Connectivity::k6);
  std::erase_if(objects, [&](const Component& c) { return static_cast<std::int64_t>(c.voxels.size()) < min_voxels; });
  return objects;
}

/// Voxels in common of every reference and every predicted object.
std::vector<std::int64_t> overlaps(const std::vector<Component>& references, const std::vector<Component>& predictions,
                                   std::size_t voxels) {
  std::vector<std::int32_t> owner(voxels, -1);
  for (std::size_t p = 0; p < predictions.size(); ++p)
    for (const std::int64_t voxel : predictions[p].voxels)
      owner[static_cast<std::size_t>(voxel)] = static_cast<std::int32_t>(p);
  std::vector<std::int64_t> common(references.size() * predictions.size(), 0);
  for (std::size_t r = 0; r < references.size(); ++r)
    for (const std::int64_t voxel : references[r].voxels)
      if (const std::int32_t p = owner[static_cast<std::size_t>(voxel)]; p >= 0)
        ++common[r * predictions.size() + static_cast<std::size_t>(p)];
  return common;
}

VoxelCounts counts_of(const Component& reference, const Component& prediction, std::int64_t common) {
  return {common, static_cast<std::int64_t>(prediction.voxels.size()) - common,
          static_cast<std::int64_t>(reference.voxels.size()) - common};
}

std::vector<EvaluatedObject> described(const std::vector<Component>& objects, const Cropped& part) {
  std::vector<EvaluatedObject> all;
  for (const Component& object : objects)
    all.push_back({static_cast<std::int64_t>(object.voxels.size()), centroid_of(object, part), {}});
  return all;
}

void match_objects(ObjectMetrics& metrics, const std::vector<Component>& references,
                   const std::vector<Component>& predictions, std::size_t voxels) {
  const std::vector<std::int64_t> common = overlaps(references, predictions, voxels);
  std::vector<double> dice(common.size());
  for (std::size_t i = 0; i < common.size(); ++i)
    dice[i] =
        voxel_metrics(counts_of(references[i / predictions.size()], predictions[i % predictions.size()], common[i]))
            .dice;
  const auto column_of = best_assignment(dice, references.size(), predictions.size());
  std::vector<double> dices, recalls, precisions, f1s;
  for (std::size_t r = 0; r < references.size(); ++r) {
    if (!column_of[r] || dice[r * predictions.size() + *column_of[r]] <= kMatchDice) continue;
    const std::size_t p = *column_of[r];
    metrics.references[r].match = p, metrics.predictions[p].match = r;
    const VoxelMetrics one =
        voxel_metrics(counts_of(references[r], predictions[p], common[r * predictions.size() + p]));
    metrics.of_reference[r] = one;
    dices.push_back(one.dice), recalls.push_back(one.recall), precisions.push_back(one.precision),
        f1s.push_back(one.f1);
  }
  if (dices.empty()) {
    metrics.precision = 1;
    return;
  }
  const auto matched = static_cast<double>(dices.size());
  metrics.recall = matched / static_cast<double>(references.size());
  metrics.precision = matched / static_cast<double>(predictions.size());
  metrics.f1 = 2 * metrics.precision * metrics.recall / (metrics.precision + metrics.recall);
  metrics.dice = evaluation::spread_of(dices), metrics.voxel_recall = evaluation::spread_of(recalls);
  metrics.voxel_precision = evaluation::spread_of(precisions), metrics.voxel_f1 = evaluation::spread_of(f1s);
}

ObjectMetrics object_metrics_of(const Cropped& part, std::int64_t min_voxels) {
  const auto references = objects_of(part.reference, part.size, min_voxels),
             predictions = objects_of(part.prediction, part.size, min_voxels);
  ObjectMetrics metrics;
  metrics.references = described(references, part), metrics.predictions = described(predictions, part);
  metrics.of_reference.resize(references.size());
  if (!references.empty() && !predictions.empty()) {
    match_objects(metrics, references, predictions, part.reference.size());
    return metrics;
  }
  metrics.recall = references.empty() ? 1 : 0, metrics.precision = predictions.empty() ? 1 : 0;
  metrics.f1 = references.empty() && predictions.empty() ? 1 : 0.5;
  metrics.voxel_recall.mean = metrics.recall, metrics.voxel_precision.mean = metrics.precision;
  metrics.voxel_f1.mean = metrics.f1;
  return metrics;
}

// --- surfaces ---

std::vector<bool> border_of(const std::vector<std::uint8_t>& mask, const Index3& size) {
  std::vector<bool> border(mask.size(), false);
  const Index3 stride{1, size[0], size[0] * size[1]};
  std::int64_t at = 0;
  for (std::int64_t k = 0; k < size[2]; ++k)
    for (std::int64_t j = 0; j < size[1]; ++j)
      for (std::int64_t i = 0; i < size[0]; ++i, ++at) {
        if (mask[static_cast<std::size_t>(at)] == 0) continue;
        const Index3 index{i, j, k};
        for (std::size_t a = 0; a < 3; ++a)
          if (index[a] == 0 || index[a] + 1 == size[a] || mask[static_cast<std::size_t>(at - stride[a])] == 0 ||
              mask[static_cast<std::size_t>(at + stride[a])] == 0)
            border[static_cast<std::size_t>(at)] = true;
      }
  return border;
}

std::vector<double> from_to(const std::vector<bool>& from, const std::vector<bool>& to, const Index3& size,
                            const Vec3& spacing_mm) {
  const std::vector<double> distances = distances_to(to, size, spacing_mm);
  std::vector<double> found;
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from[i]) found.push_back(distances[i]);
  return found;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<SurfaceMetrics> surface_metrics_of(const Cropped& part, const Vec3& spacing_mm) {
  const auto any = [](const std::vector<std::uint8_t>& mask) {
    return std::any_of(mask.begin(), mask.end(), [](std::uint8_t v) { return v != 0; });
  };
  if (!any(part.reference) || !any(part.prediction)) return {};
  const std::vector<bool> reference = border_of(part.reference, part.size),
                          prediction = border_of(part.prediction, part.size);
  std::vector<double> all = from_to(prediction, reference, part.size, spacing_mm);
  const std::vector<double> back = from_to(reference, prediction, part.size, spacing_mm);
  SurfaceMetrics metrics;
  metrics.assd_mm = (mean_of(all) + mean_of(back)) / 2;
  all.insert(all.end(), back.begin(), back.end());
  std::sort(all.begin(), all.end());
  const double place = kPercentile * static_cast<double>(all.size() - 1);  // linear between order statistics
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, all.size() - 1);
  metrics.hd95_mm = all[below] + (place - static_cast<double>(below)) * (all[above] - all[below]);
  return metrics;
}

// --- detection ---

Detection detection_of(const Cropped& part, const Vec3& spacing_mm) {
  Detection found;
  found.dice = voxel_metrics(voxel_counts(pair_of(part, spacing_mm))).dice >= kDetectedDice;
  std::vector<Vec3> centres;
  for (const Component& component : find_components(part.reference, part.size, Connectivity::k26))
    centres.push_back(centroid_of(component, part));
  for (const Component& component : find_components(part.prediction, part.size, Connectivity::k26)) {
    ++found.components;
    const bool touches = std::any_of(component.voxels.begin(), component.voxels.end(), [&](std::int64_t voxel) {
      return part.reference[static_cast<std::size_t>(voxel)] != 0;
    });
    found.overlap |= touches;
    if (!touches) ++found.false_positives;
    const Vec3 at = centroid_of(component, part);
    for (const Vec3& centre : centres)
      found.centroid |= std::hypot((at[0] - centre[0]) * spacing_mm[0], (at[1] - centre[1]) * spacing_mm[1],
                                   (at[2] - centre[2]) * spacing_mm[2]) <= kNearMm;
  }
  return found;
}

}  // namespace

VoxelCounts voxel_counts(const MaskPair& masks) {
  VoxelCounts counts;
  for (std::size_t i = 0; i < masks.reference.size(); ++i) {
    const bool reference = masks.reference[i] != 0, prediction = masks.prediction[i] != 0;
    counts.both += reference && prediction, counts.predicted_only += prediction && !reference;
    counts.reference_only += reference && !prediction;
  }
  return counts;
}

VoxelMetrics voxel_metrics(const VoxelCounts& counts) {
  const auto both = static_cast<double>(counts.both), predicted = static_cast<double>(counts.predicted_only),
             missed = static_cast<double>(counts.reference_only);
  VoxelMetrics metrics;
  if (counts.both > 0) metrics.dice = 2 * both / (2 * both + predicted + missed);
  metrics.recall = both / (both + missed + kTiny), metrics.precision = both / (both + predicted + kTiny);
  metrics.f1 = 2 * both / (2 * both + predicted + missed + kTiny);
  return metrics;
}

ObjectMetrics object_metrics(const MaskPair& masks, std::int64_t min_voxels) {
  return object_metrics_of(cropped(masks), min_voxels);
}

std::optional<SurfaceMetrics> surface_metrics(const MaskPair& masks) {
  return surface_metrics_of(cropped(masks), masks.spacing_mm);
}

Detection detection(const MaskPair& masks) {
  return detection_of(cropped(masks), masks.spacing_mm);
}

CaseMetrics case_metrics(const MaskPair& masks, std::int64_t min_voxels) {
  const Cropped part = cropped(masks);
  const VoxelCounts counts = voxel_counts(pair_of(part, masks.spacing_mm));
  const double voxel_ml = masks.spacing_mm[0] * masks.spacing_mm[1] * masks.spacing_mm[2] / 1000;
  CaseMetrics metrics;
  metrics.reference_ml = static_cast<double>(counts.both + counts.reference_only) * voxel_ml;
  metrics.prediction_ml = static_cast<double>(counts.both + counts.predicted_only) * voxel_ml;
  metrics.voxel = voxel_metrics(counts);
  metrics.object = object_metrics_of(part, min_voxels);
  metrics.surface = surface_metrics_of(part, masks.spacing_mm);
  metrics.detection = detection_of(part, masks.spacing_mm);
  return metrics;
}

}  // namespace fovea::pipeline::mri
