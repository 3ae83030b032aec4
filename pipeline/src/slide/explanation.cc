#include "slide/explanation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sum.h>

#include "evaluation/regression_metrics.h"
#include "slide/random_source.h"

namespace fovea::pipeline::slide {
namespace {

constexpr std::int64_t kPiece = 8192;  // rows multiplied at a time

/// Shares of the instances at which curves are taken.
const std::vector<double>& curve_shares() {
  static const std::vector<double> kShares{0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1};
  return kShares;
}

/// The chosen instances in the order of the slide: some models look at neighbours.
std::vector<std::int64_t> sorted_part(const std::vector<std::int64_t>& order, std::size_t begin, std::size_t end) {
  std::vector<std::int64_t> part(order.begin() + static_cast<std::ptrdiff_t>(begin),
                                 order.begin() + static_cast<std::ptrdiff_t>(end));
  std::sort(part.begin(), part.end());
  return part;
}

std::vector<double> as_double(std::span<const float> values) {
  return {values.begin(), values.end()};
}

}  // namespace

std::vector<float> gradient_times_input(const models::MilModel& model, const at::Tensor& rows, const at::Tensor& coords,
                                        std::int64_t target) {
  const at::AutoGradMode with_gradients(true);
  const at::Tensor input = rows.detach().set_requires_grad(true);
  models::MilStep step;
  step.coords = coords;
  model.forward(input, step).bag_logits.select(-1, target).sum().backward();
  const at::Tensor gradient = input.grad();
  const at::NoGradGuard no_gradients;
  std::vector<float> shares;
  shares.reserve(static_cast<std::size_t>(rows.size(0)));
  for (std::int64_t begin = 0; begin < rows.size(0); begin += kPiece) {
    const std::int64_t end = std::min(begin + kPiece, rows.size(0));
    const at::Tensor piece = (gradient.slice(0, begin, end) * rows.detach().slice(0, begin, end)).sum(1).contiguous();
    shares.insert(shares.end(), piece.const_data_ptr<float>(), piece.const_data_ptr<float>() + piece.numel());
  }
  return shares;
}

std::vector<std::int64_t> strongest_first(std::span<const float> values) {
  std::vector<std::int64_t> order(values.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return values[static_cast<std::size_t>(a)] > values[static_cast<std::size_t>(b)];
  });
  return order;
}

Agreement agreement_of(std::span<const float> attention, std::span<const float> gradient) {
  Agreement agreement;
  std::vector<float> absolute(gradient.begin(), gradient.end());
  for (float& value : absolute) value = std::abs(value);
  agreement.spearman = evaluation::spearman(as_double(attention), as_double(gradient));
  agreement.spearman_absolute = evaluation::spearman(as_double(attention), as_double(absolute));
  const std::vector<std::int64_t> by_attention = strongest_first(attention), by_gradient = strongest_first(absolute);
  const auto count = static_cast<std::int64_t>(attention.size());
  std::vector<std::int64_t> sizes{10, 50, 100, count / 100};
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  for (const std::int64_t k : sizes) {
    if (k < 1 || k >= count) continue;
    const std::vector<std::int64_t> a = sorted_part(by_attention, 0, static_cast<std::size_t>(k)),
                                    b = sorted_part(by_gradient, 0, static_cast<std::size_t>(k));
    std::vector<std::int64_t> common;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(common));
    agreement.overlaps.push_back({k, static_cast<double>(common.size()) / static_cast<double>(k)});
  }
  return agreement;
}

RemovalCurves removal_curves(std::span<const float> attention,
                             const std::function<double(std::span<const std::int64_t>)>& probability,
                             std::int64_t random_orders, std::uint64_t seed,
                             const std::function<void(double)>& progress) {
  const std::size_t count = attention.size();
  RandomSource random(seed);
  std::vector<std::vector<std::int64_t>> orders{strongest_first(attention)};
  for (std::int64_t i = 0; i < random_orders; ++i) {
    orders.push_back(orders.front());
    std::sort(orders.back().begin(), orders.back().end());
    random.shuffle(orders.back());
  }
  RemovalCurves curves;
  const double steps = static_cast<double>(2 * curve_shares().size() * orders.size());
  double done = 0;
  const auto point = [&](double share, auto part_of_order) {
    RemovalPoint result;
    result.share = share, result.random_low = 1, result.random_high = 0;
    for (std::size_t i = 0; i < orders.size(); ++i) {
      const std::vector<std::int64_t> part = part_of_order(orders[i]);
      const double value = probability(part);
      progress(++done / steps);
      if (i == 0) {
        result.instances = static_cast<std::int64_t>(part.size()), result.probability = value;
        continue;
      }
      result.random += value / static_cast<double>(random_orders);
      result.random_low = std::min(result.random_low, value), result.random_high = std::max(result.random_high, value);
    }
    if (random_orders == 0) result.random = result.random_low = result.random_high = std::nan("");
    return result;
  };
  for (const double share : curve_shares()) {
    const auto taken = static_cast<std::size_t>(std::llround(share * static_cast<double>(count)));
    // A bag keeps one instance: the probability of nothing is not defined.
    if (taken < count)
      curves.deletion.push_back(point(share, [&](const auto& order) { return sorted_part(order, taken, count); }));
    if (taken > 0)
      curves.insertion.push_back(point(share, [&](const auto& order) { return sorted_part(order, 0, taken); }));
  }
  return curves;
}

double area_under(std::span<const RemovalPoint> curve, double RemovalPoint::*height) {
  double sum = 0;
  for (std::size_t i = 1; i < curve.size(); ++i)
    sum += (curve[i].share - curve[i - 1].share) * (curve[i].*height + curve[i - 1].*height) / 2;
  return curve.size() < 2 ? std::nan("") : sum / (curve.back().share - curve.front().share);
}

}  // namespace fovea::pipeline::slide
