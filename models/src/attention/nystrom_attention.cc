// Nystrom attention from dense attention to and from landmarks.
#include <fovea/models/nystrom_attention.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/max.h>

#include <fovea/base/error.h>
#include <fovea/models/self_attention.h>

namespace fovea::attention {
namespace {

[[noreturn]] void bad(const std::string& problem, const std::string& remedy) {
  throw Error(ErrorCode::kShape, "Nystrom attention", problem, remedy);
}

void check(const at::Tensor& q, const at::Tensor& k, const NystromOptions& options) {
  if (q.dim() != 4 || q.sizes() != k.sizes())
    bad("queries and keys are not of one shape [batch, heads, tokens, width]", "Give as many queries as keys.");
  if (q.numel() == 0) bad("there is no token", "Check the tissue mask or the feature file.");
  if (options.landmarks < 1 || options.iterations < 0)
    bad("the number of landmarks or iterations is not positive", "Give at least one landmark.");
}

at::Tensor front_padded(const at::Tensor& x, std::int64_t landmarks) {
  const std::int64_t over = x.size(2) % landmarks;
  return over == 0 ? x : at::constant_pad_nd(x, {0, 0, landmarks - over, 0});
}

at::Tensor means(const at::Tensor& x, std::int64_t landmarks) {
  return x.reshape({x.size(0), x.size(1), landmarks, x.size(2) / landmarks, x.size(3)}).mean(3);
}

at::Tensor pseudo_inverse(const at::Tensor& x, std::int64_t iterations) {
  const at::Tensor sizes = x.abs(), unit = at::eye(x.size(-1), x.options().requires_grad(false));
  at::Tensor z = x.transpose(-2, -1) / (at::max(sizes.sum(-1)) * at::max(sizes.sum(-2)));
  for (std::int64_t i = 0; i < iterations; ++i) {
    const at::Tensor xz = at::matmul(x, z);
    const at::Tensor inner = 15 * unit - at::matmul(xz, 7 * unit - xz);
    z = 0.25 * at::matmul(z, 13 * unit - at::matmul(xz, inner));
  }
  return z;
}

struct Landmarks {
  at::Tensor queries, keys, inverse;
};

Landmarks landmarks_of(const at::Tensor& q, const at::Tensor& k, const NystromOptions& options) {
  const at::Tensor queries = means(q, options.landmarks), keys = means(k, options.landmarks);
  return {queries, keys, pseudo_inverse(attention_weights(queries, keys), options.iterations)};
}

AttentionOptions without_lse() {
  AttentionOptions options;
  options.want_lse = false;
  return options;
}

}  // namespace

at::Tensor nystrom_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const NystromOptions& options) {
  check(q, k, options);
  if (v.dim() != 4 || v.sizes().slice(0, 3) != k.sizes().slice(0, 3))
    bad("keys and values disagree in batch, heads or tokens", "Give one value a key.");
  const at::Tensor keys = front_padded(k, options.landmarks), values = front_padded(v, options.landmarks);
  const Landmarks marks = landmarks_of(front_padded(q, options.landmarks), keys, options);
  const at::Tensor gathered = attention(marks.queries, keys, values, without_lse()).out;
  // A query of the padding would be thrown away: it is not computed.
  return attention(q, marks.keys, at::matmul(marks.inverse, gathered), without_lse()).out;
}

at::Tensor nystrom_weights(const at::Tensor& q, const at::Tensor& k, std::int64_t queries,
                           const NystromOptions& options) {
  check(q, k, options);
  if (queries < 1 || queries > q.size(2)) bad("there are not that many queries", "Ask for queries that exist.");
  constexpr std::int64_t kKeysAtOnce = 4096;  // a block of landmark weights stays near the cache
  const at::Tensor keys = front_padded(k, options.landmarks);
  const Landmarks marks = landmarks_of(front_padded(q, options.landmarks), keys, options);
  const at::Tensor mix = at::matmul(attention_weights(q.slice(2, 0, queries), marks.keys), marks.inverse);
  const at::Tensor lse = attention(marks.queries, keys, keys.slice(3, 0, 1)).lse.unsqueeze(-1);
  const at::Tensor scaled = marks.queries / std::sqrt(static_cast<double>(q.size(3)));
  std::vector<at::Tensor> parts;
  for (std::int64_t begin = keys.size(2) - k.size(2); begin < keys.size(2); begin += kKeysAtOnce) {
    const at::Tensor some = keys.slice(2, begin, std::min(begin + kKeysAtOnce, keys.size(2)));
    parts.push_back(at::matmul(mix, (at::matmul(scaled, some.transpose(-2, -1)) - lse).exp()));
  }
  return at::cat(parts, 3);
}

}  // namespace fovea::attention
