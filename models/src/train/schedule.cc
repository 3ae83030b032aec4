#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

namespace fovea::models {

double learning_rate_at(const TrainOptions& options, std::int64_t step, std::int64_t steps) {
  const auto cosine = [](double from, double to, double done) {
    return to + (from - to) * (1 + std::cos(std::numbers::pi * done)) / 2;
  };
  using Schedule = TrainOptions::Schedule;
  const double done = static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(steps, 1));
  const double peak = options.learning_rate;
  if (options.schedule == Schedule::kOneCycle) {
    constexpr double kWarmUp = 0.3;
    if (done < kWarmUp) return cosine(peak / 25, peak, done / kWarmUp);
    return cosine(peak, peak / 250'000, (done - kWarmUp) / (1 - kWarmUp));
  }
  if (done < options.warm_up) return peak * done / options.warm_up;
  if (options.schedule == Schedule::kConstant) return peak;
  return cosine(peak, options.lowest_rate, (done - options.warm_up) / (1 - options.warm_up));
}

std::vector<std::int64_t> shuffled(std::int64_t count, std::uint64_t seed, std::int64_t epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::seed_seq sequence{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                         static_cast<std::uint32_t>(epoch)};
  std::mt19937_64 random(sequence);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  return order;
}

TrainableWhile::TrainableWhile(const std::vector<TensorSpec>& specs, const StateDict& state) {
  for (const TensorSpec& spec : specs) {
    if (spec.is_buffer()) continue;
    parameters_.push_back(state.at(spec.name));
    parameters_.back().requires_grad_(true);
  }
}

TrainableWhile::~TrainableWhile() {
  for (at::Tensor& parameter : parameters_) {
    parameter.mutable_grad() = at::Tensor();
    parameter.requires_grad_(false);
  }
}

}  // namespace fovea::models
