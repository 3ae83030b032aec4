// What is read off the attention of a bag: drawn values, entropy, concentration. Plain arrays, no tensors.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::pipeline::slide {

/// Average rank of ties / N, in (0, 1]: the largest value has 1.
std::vector<float> percentile_ranks(std::span<const float> values);

/// Mean over the K branches of softmax [K, N], or one branch (index >= 0).
std::vector<float> branch_attention(std::span<const float> softmax, std::int64_t branches, std::int64_t branch);

struct DrawnValues {
  std::vector<float> value;  ///< [N] in 0..1
  std::string name;          ///< measurement name in files: "attention_percentile"
  std::string caption;       ///< under the colour bar
  double low = 0, high = 1;  ///< what the ends of the colour bar stand for
};
/// scale: percentile, minmax, raw (attention times N clipped to 0..1, as in the ACMIL and AEM papers: 1 = the uniform
/// share or more). zoom: a further factor of raw (the authors': 1).
DrawnValues drawn_values(std::span<const float> attention, std::string_view scale, double zoom = 1);

/// -sum a ln a, natural logarithm.
double entropy(std::span<const float> attention);
/// Entropy / ln N; 1 for a single instance (one tile is all there is).
double normalised_entropy(double entropy, std::int64_t instances);
/// Sum of the `count` largest.
double top_mass(std::span<const float> attention, std::size_t count);

}  // namespace fovea::pipeline::slide
