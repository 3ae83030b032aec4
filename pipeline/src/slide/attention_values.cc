#include "slide/attention_values.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "evaluation/ranks.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {

std::vector<float> percentile_ranks(std::span<const float> values) {
  const std::vector<double> ranks = evaluation::average_ranks(values);
  std::vector<float> shares(values.size());
  std::transform(ranks.begin(), ranks.end(), shares.begin(),
                 [&](double rank) { return static_cast<float>(rank / static_cast<double>(values.size())); });
  return shares;
}

std::vector<float> branch_attention(std::span<const float> softmax, std::int64_t branches, std::int64_t branch) {
  const std::size_t count = softmax.size() / static_cast<std::size_t>(branches);
  std::vector<float> attention(count);
  for (std::size_t n = 0; n < count; ++n) {
    if (branch >= 0) {
      attention[n] = softmax[static_cast<std::size_t>(branch) * count + n];
      continue;
    }
    double sum = 0;
    for (std::int64_t k = 0; k < branches; ++k) sum += softmax[static_cast<std::size_t>(k) * count + n];
    attention[n] = static_cast<float>(sum / static_cast<double>(branches));
  }
  return attention;
}

DrawnValues drawn_values(std::span<const float> attention, std::string_view scale, double zoom) {
  DrawnValues drawn;
  if (scale == "percentile") {
    drawn.value = percentile_ranks(attention);
    drawn.name = "attention_percentile", drawn.caption = "attention, percentile rank";
    return drawn;
  }
  drawn.value.assign(attention.begin(), attention.end());
  if (scale == "raw") {
    const float factor = static_cast<float>(zoom) * static_cast<float>(attention.size());
    for (float& value : drawn.value) value = std::min(1.0F, value * factor);
    drawn.name = "attention_times_n", drawn.caption = "attention x N, cut at 1";
    if (zoom != 1) drawn.caption = "attention x N x " + number_text(zoom) + ", cut at 1";
    return drawn;
  }
  const auto [low, high] = std::minmax_element(attention.begin(), attention.end());
  if (low != attention.end()) drawn.low = *low, drawn.high = *high;
  const double range = drawn.high - drawn.low;
  for (float& value : drawn.value) value = range > 0 ? static_cast<float>((value - drawn.low) / range) : 0.5F;
  drawn.name = "attention_minmax", drawn.caption = "attention, min to max";
  return drawn;
}

double entropy(std::span<const float> attention) {
  double sum = 0;
  for (const float a : attention)
    if (a > 0) sum -= a * std::log(static_cast<double>(a));
  return sum;
}

double normalised_entropy(double entropy, std::int64_t instances) {
  return instances > 1 ? std::clamp(entropy / std::log(static_cast<double>(instances)), 0.0, 1.0) : 1.0;
}

double top_mass(std::span<const float> attention, std::size_t count) {
  std::vector<float> values(attention.begin(), attention.end());
  count = std::min(count, values.size());
  std::partial_sort(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count), values.end(),
                    std::greater<>());
  return std::accumulate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count), 0.0);
}

}  // namespace fovea::pipeline::slide
