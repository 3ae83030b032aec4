// Block-sparse attention, dynamic masks, landmark weights: checks, and which path runs.
#include <fovea/models/sparse_attention.h>

#include <algorithm>
#include <cmath>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/sort.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "attention/minus_infinity.h"
#include "attention/ops/path.h"
#include "attention/ops/run.h"
#include "attention/ops/self_attention.h"
#include "attention/ops/sparse.h"

namespace fovea::attention {
namespace {

constexpr const char* kSubject = "sparse attention";

[[noreturn]] void bad(const std::string& problem, const std::string& remedy) {
  throw Error(ErrorCode::kShape, kSubject, problem, remedy);
}

void check_values(const at::Tensor& k, const at::Tensor& v) {
  if (v.dim() != 4 || v.sizes().slice(0, 3) != k.sizes().slice(0, 3))
    bad("keys and values disagree in batch, heads or tokens", "Give one value a key.");
}

void check_block(std::int64_t block) {
  if (block < 1) bad("a block of " + std::to_string(block) + " tokens", "Choose at least 1, 64 is usual.");
}

void check_blocks(const at::Tensor& blocks, const at::Tensor& q, const at::Tensor& k, std::int64_t block) {
  const auto count = [&](const at::Tensor& x) { return (x.size(2) + block - 1) / block; };
  const bool fits = blocks.defined() && blocks.scalar_type() == at::kBool && blocks.dim() == 4 &&
                    (blocks.size(0) == 1 || blocks.size(0) == q.size(0)) &&
                    (blocks.size(1) == 1 || blocks.size(1) == q.size(1)) && blocks.size(2) == count(q) &&
                    blocks.size(3) == count(k);
  if (!fits)
    bad("the block mask is no bool tensor [batch, head, " + std::to_string(count(q)) + ", " + std::to_string(count(k)) +
            "]",
        "Make it with a mask maker for the same block size.");
}

double scale_of(c10::optional<double> scale, const at::Tensor& q) {
  return scale.value_or(1 / std::sqrt(static_cast<double>(q.size(3))));
}

}  // namespace

Attended ops::run_block_sparse(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& blocks,
                               std::int64_t block, c10::optional<double> scale) {
  ops::check_heads(kSubject, q, k);
  check_values(k, v);
  check_block(block);
  check_blocks(blocks, q, k, block);
  const ops::SparseInputs in{q, k, v, blocks, block, scale_of(scale, q)};
  if (backend() == Backend::kReference) return ops::reference_block_sparse(in);
  if (!q.is_cpu()) return ops::cuda_block_sparse(in);
  return ops::needs_graph({q, k, v}) ? ops::graph_block_sparse(in) : ops::parallel_block_sparse(in);
}

at::Tensor pooled_weights(const at::Tensor& q, const at::Tensor& k, std::int64_t block, c10::optional<double> scale) {
  ops::check_heads(kSubject, q, k);
  check_block(block);
  const at::Tensor keys = ops::repeated_heads(block_means(k, block), q.size(1));
  return at::softmax(at::matmul(block_means(q, block), keys.transpose(-2, -1)) * scale_of(scale, q), -1);
}

namespace {

/// Dropped blocks that their mean may stand for.
at::Tensor passes_gain_test(const at::Tensor& q, const at::Tensor& k, std::int64_t block) {
  const at::Tensor keys = ops::repeated_heads(k, q.size(1)), mean_q = block_means(q, block);
  const at::Tensor mean_k = block_means(keys, block);
  const at::Tensor mad_q = ops::block_deviations(q, mean_q, block), mad_k = ops::block_deviations(keys, mean_k, block);
  const auto products = [](const at::Tensor& a, const at::Tensor& b) {
    return at::matmul(a, b.transpose(-2, -1)).abs();
  };
  return products(mean_q, mean_k).gt(products(mad_q, mean_k) + products(mean_q, mad_k));
}

}  // namespace

Rectified ops::run_rectified(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const RectifiedOptions& options) {
  ops::check_heads(kSubject, q, k);
  check_values(k, v);
  const std::int64_t block = options.block;
  Rectified result;
  result.pooled = pooled_weights(q, k, block, options.scale);
  if (options.blocks.defined()) check_blocks(options.blocks, q, k, block);
  result.blocks = options.blocks.defined() ? options.blocks.expand_as(result.pooled)
                                           : largest_until(result.pooled, options.mass, options.at_least);
  result.critical = result.blocks.logical_or(passes_gain_test(q.detach(), k.detach(), block).logical_not());
  result.sparse = ops::run_block_sparse(q, k, v, result.blocks, block, options.scale);
  const auto of_tokens = [&](const at::Tensor& x) { return at::repeat_interleave(x, block, 2).slice(2, 0, q.size(2)); };
  const at::Tensor share = result.pooled.masked_fill(result.critical.logical_not(), 0.0).sum(-1, true);
  const at::Tensor means = ops::repeated_heads(block_means(v, block), q.size(1));
  const at::Tensor rest = at::matmul(result.pooled.masked_fill(result.critical, 0.0), means);
  result.out = of_tokens(share) * result.sparse.out + of_tokens(rest);
  return result;
}

at::Tensor dynamic_bias(const at::Tensor& v, const at::Tensor& wdt, const at::Tensor& a) {
  if (v.dim() != 4 || wdt.dim() != 2 || a.dim() != 1 || wdt.size(0) != v.size(1) || a.size(0) != v.size(1) ||
      wdt.size(1) != v.size(1) * v.size(3))
    bad("the weights of the dynamic mask do not fit the values", "Give [heads, heads x channels] and [heads].");
  const at::Tensor tokens = v.transpose(1, 2).flatten(2);
  return (a * at::softplus(at::linear(tokens, wdt))).transpose(1, 2).unsqueeze(2);
}

namespace {

/// The mask as four dimensions that broadcast to the bias; undefined for none.
at::Tensor checked_keep(const at::Tensor& bias, const c10::optional<at::Tensor>& keep) {
  if (!keep) return {};
  const at::Tensor mask = ops::pair_mask(*keep);
  bool fits = mask.scalar_type() == at::kBool && mask.dim() == 4;
  for (std::int64_t i = 0; fits && i < 4; ++i) fits = mask.size(i) == 1 || mask.size(i) == bias.size(i);
  if (!fits) bad("the mask is no bool tensor with one entry a key", "Give [keys], [batch, keys] or four dimensions.");
  return mask;
}

}  // namespace

at::Tensor largest_keys(const at::Tensor& bias, std::int64_t width, const c10::optional<at::Tensor>& keep) {
  if (bias.dim() != 4 || bias.size(2) != 1 || bias.size(3) == 0)
    bad("the bias is not [batch, head, 1, keys]", "Compute it with dynamic_bias.");
  if (width < 1) bad(std::to_string(width) + " keys are to be kept", "Keep at least one.");
  const at::Tensor mask = checked_keep(bias, keep);
  if (!mask.defined()) return ops::largest_entries(bias, width);
  const at::Tensor present = bias.masked_fill(mask.logical_not(), kMinusInfinity);
  return ops::largest_entries(present, width).logical_and(mask);
}

DynamicMasked dynamic_mask_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                     const at::Tensor& wdt, const at::Tensor& a, std::int64_t width,
                                     const c10::optional<at::Tensor>& keep) {
  ops::check_heads(kSubject, q, k);
  check_values(k, v);
  DynamicMasked result;
  result.bias = dynamic_bias(v, wdt, a);
  result.kept = largest_keys(result.bias, width, keep);
  AttentionOptions options;
  const auto for_queries = [&](const at::Tensor& x) { return ops::repeated_heads(x, q.size(1)); };
  if (backend() == Backend::kReference) {
    options.bias = for_queries(result.bias), options.keep = for_queries(result.kept);
    result.attended = attention(q, k, v, options);
    return result;
  }
  // The kept keys first, in their order: a head with fewer of them than `width` fills up with dropped ones.
  const std::int64_t count = std::min(width, k.size(2));
  const at::Tensor order = std::get<1>(at::sort(result.kept, true, -1, true)).slice(-1, 0, count);
  const auto chosen = [&](const at::Tensor& x) {
    return at::gather(x, 2, order.transpose(2, 3).expand({x.size(0), x.size(1), count, x.size(3)}));
  };
  options.bias = for_queries(at::gather(result.bias, 3, order));
  options.keep = for_queries(at::gather(result.kept, 3, order));
  result.attended = attention(q, chosen(k), chosen(v), options);
  return result;
}

LandmarkWeights landmark_weights(const at::Tensor& token_scores, const at::Tensor& landmark_scores,
                                 const at::Tensor& local_scores) {
  const at::Tensor &tokens = token_scores, &landmarks = landmark_scores;
  if (tokens.dim() < 2 || landmarks.dim() < 1 || landmarks.sizes() != tokens.sizes().slice(0, tokens.dim() - 1))
    bad("landmarks and regions disagree in number", "Give one landmark score a region.");
  if (local_scores.dim() != landmarks.dim() ||
      local_scores.sizes().slice(0, local_scores.dim() - 1) != landmarks.sizes().slice(0, landmarks.dim() - 1))
    bad("local tokens and landmarks disagree in rows",
        "Give local scores for the same queries, possibly none a query.");
  if (tokens.size(-1) == 0 || landmarks.size(-1) == 0)
    bad("there is no region or no token in it", "Use plain attention.");
  const ops::Softmax inside = ops::softmax_of(tokens);
  const at::Tensor present = landmarks.masked_fill(inside.empty.squeeze(-1), kMinusInfinity);
  const at::Tensor top = ops::softmax_of(at::cat({present, local_scores}, -1)).weights;
  const std::int64_t regions = landmarks.size(-1);
  return {inside.weights * top.slice(-1, 0, regions).unsqueeze(-1), top.slice(-1, regions)};
}

}  // namespace fovea::attention
