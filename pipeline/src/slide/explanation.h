// How far attention explains a decision: gradients of the class's logit, and what happens to its probability when the
// most attended instances are taken away, or are all there is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include <fovea/models/mil.h>

namespace fovea::pipeline::slide {

/// Sum over features of gradient times input, for the logit of class `target`: what each instance adds to it to first
/// order. rows: [N, D] float32; coords: int64 [N, 2] or undefined. Holds the gradient [N, D] and what the model's
/// backward pass needs; the product is formed piece by piece.
std::vector<float> gradient_times_input(const models::MilModel& model, const at::Tensor& rows, const at::Tensor& coords,
                                        std::int64_t target);

struct Overlap {
  std::int64_t k = 0;
  double share = 0;  ///< of the k strongest of one map that are among the k strongest of the other
};
struct Agreement {
  std::optional<double> spearman;           ///< attention and gradient x input
  std::optional<double> spearman_absolute;  ///< attention and its absolute value
  std::vector<Overlap> overlaps;            ///< of the absolute value; k = 10, 50, 100 and 1 % of N, where N is larger
};
Agreement agreement_of(std::span<const float> attention, std::span<const float> gradient);

/// Indices from the largest value to the smallest, of equal ones the first.
std::vector<std::int64_t> strongest_first(std::span<const float> values);

struct RemovalPoint {
  double share = 0;                        ///< of the instances that were removed, or inserted
  std::int64_t instances = 0;              ///< that the bag still has
  double probability = 0;                  ///< by attention
  double random = 0;                       ///< mean over random orders
  double random_low = 0, random_high = 0;  ///< their range
};
struct RemovalCurves {
  std::vector<RemovalPoint> deletion;   ///< the strongest go first; begins with the whole bag
  std::vector<RemovalPoint> insertion;  ///< the strongest come first; ends with the whole bag
};
/// `probability` of a bag made of the given instances, in the order of the slide. Random orders come from `seed`.
RemovalCurves removal_curves(std::span<const float> attention,
                             const std::function<double(std::span<const std::int64_t>)>& probability,
                             std::int64_t random_orders, std::uint64_t seed,
                             const std::function<void(double)>& progress);

/// Area under a curve over share 0..1 by trapezoids between its ends, divided by their distance.
double area_under(std::span<const RemovalPoint> curve, double RemovalPoint::*height);

}  // namespace fovea::pipeline::slide
