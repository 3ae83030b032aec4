// Masking of instances: of the strongest (STKIM) on scores, of any before scores.
#include <fovea/models/attention_terms.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/zeros.h>

#include "attention/minus_infinity.h"
#include "attention/terms/terms.h"

namespace fovea::attention {
namespace terms {

at::Tensor top_indices(const at::Tensor& scores, std::int64_t k) {
  return std::get<1>(at::sort(scores.detach(), /*stable=*/true, -1, /*descending=*/true)).slice(-1, 0, k);
}

}  // namespace terms

namespace {

const char* const kSubject = "top-k instance masking";

void check(const StkimOptions& options) {
  terms::require_usage(options.mask_drop >= 0 && options.mask_drop <= 1, kSubject,
                       "the share to drop is not between 0 and 1", "Give a share such as 0.6.");
  terms::require_usage(options.n_masked >= 0, kSubject, "the number of instances is negative",
                       "Give 0 to switch masking off.");
}

std::int64_t candidates(std::int64_t instances, const StkimOptions& options) {
  return std::min(options.n_masked, instances);
}

}  // namespace

std::int64_t stkim_drops(std::int64_t instances, const StkimOptions& options) {
  check(options);
  return static_cast<std::int64_t>(static_cast<double>(candidates(instances, options)) * options.mask_drop);
}

at::Tensor stkim_noise(const at::Tensor& scores, const StkimOptions& options, std::uint64_t seed) {
  check(options);
  terms::require_instances(scores, kSubject);
  std::vector<std::int64_t> sizes = scores.sizes().vec();
  sizes.back() = candidates(scores.size(-1), options);
  at::Tensor noise = at::empty(sizes, at::kDouble);
  std::mt19937_64 engine(seed);
  double* values = noise.mutable_data_ptr<double>();
  std::generate(values, values + noise.numel(), [&] { return terms::uniform(engine); });
  return noise.to(scores.device());
}

Stkim stkim(const at::Tensor& scores, const at::Tensor& noise, const StkimOptions& options) {
  check(options);
  terms::require_instances(scores, kSubject);
  std::vector<std::int64_t> sizes = scores.sizes().vec();
  sizes.back() = candidates(scores.size(-1), options);
  terms::require_shape(noise.sizes() == at::IntArrayRef(sizes), kSubject,
                       "the noise does not have one number per branch and candidate",
                       "Make it with stkim_noise and the same options.");
  Stkim result;
  result.topk = terms::top_indices(scores, sizes.back());
  const at::Tensor order = std::get<1>(at::sort(noise.detach(), /*stable=*/true, -1, /*descending=*/false));
  result.dropped = result.topk.gather(-1, order.slice(-1, 0, stkim_drops(scores.size(-1), options)));
  const at::Tensor chosen =
      at::zeros(scores.sizes(), scores.options().dtype(at::kBool)).scatter(-1, result.dropped, true);
  // -1e9 in place of -inf would bring an absent instance back; in place of NaN it would hide the fault.
  const at::Tensor present = scores.detach().gt(kMinusInfinity);
  result.scores = scores.masked_fill(chosen.logical_and(present), kStkimScore);
  return result;
}

at::Tensor keep_instances(std::int64_t instances, double share, std::uint64_t seed) {
  terms::require_shape(instances > 0, "instance masking", "the bag holds no instance",
                       "Check the tissue mask or the feature file.");
  terms::require_usage(share >= 0 && share < 1, "instance masking", "the share to drop is not between 0 and 1",
                       "Give a share such as 0.1.");
  std::vector<std::int64_t> order(static_cast<std::size_t>(instances));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 engine(seed);
  at::Tensor keep = at::ones({instances}, at::kBool);
  bool* kept = keep.mutable_data_ptr<bool>();
  const auto drops = static_cast<std::int64_t>(share * static_cast<double>(instances));
  for (std::int64_t i = 0; i < drops; ++i) {
    const auto rest = static_cast<double>(instances - i);
    const std::int64_t other = i + static_cast<std::int64_t>(terms::uniform(engine) * rest);
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(other)]);
    kept[order[static_cast<std::size_t>(i)]] = false;
  }
  return keep;
}

}  // namespace fovea::attention
