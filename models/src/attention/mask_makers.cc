// Makers of block masks: which key blocks a query block sees. One row of the table a policy.
#include <algorithm>
#include <array>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>

#include <fovea/base/error.h>
#include <fovea/models/sparse_attention.h>

#include "attention/ops/self_attention.h"
#include "attention/ops/sparse.h"

namespace fovea::attention {
namespace {

[[noreturn]] void bad(const std::string& problem, const std::string& remedy) {
  throw Error(ErrorCode::kShape, "block mask", problem, remedy);
}

struct Counts {
  std::int64_t queries, keys;
};

Counts counts_of(const MaskRequest& r) {
  if (r.block < 1) bad("a block of " + std::to_string(r.block) + " tokens", "Choose at least 1, 64 is usual.");
  if (!r.q.defined() || !r.k.defined() || r.q.dim() != 4 || r.k.dim() != 4 || r.q.size(2) == 0 || r.k.size(2) == 0 ||
      r.k.size(1) == 0 || r.q.size(1) % r.k.size(1) != 0)
    bad("queries and keys are not [batch, head, token, channel]", "Give both, with at least one token.");
  return {(r.q.size(2) + r.block - 1) / r.block, (r.k.size(2) + r.block - 1) / r.block};
}

at::Tensor power_of_two(const MaskRequest& r) {
  const Counts count = counts_of(r);
  if (r.window_blocks < 1 || r.window_blocks % 2 == 0 || r.sink_blocks < 0)
    bad("a window of " + std::to_string(r.window_blocks) + " blocks", "Choose an odd number, and no negative sink.");
  const auto index = [&](std::int64_t n) { return at::arange(n, r.q.options().dtype(at::kLong).requires_grad(false)); };
  const at::Tensor key = index(count.keys), distance = (index(count.queries).unsqueeze(1) - key).abs();
  at::Tensor blocks = distance.le((r.window_blocks - 1) / 2).logical_or(key.lt(r.sink_blocks));
  for (std::int64_t power = 1; power < std::max(count.queries, count.keys); power *= 2)
    blocks = blocks.logical_or(distance.eq(power));
  return blocks.unsqueeze(0).unsqueeze(0);
}

/// A block is kept when more than half of its own tokens are.
at::Tensor dynamic_top_k(const MaskRequest& r) {
  const Counts count = counts_of(r);
  if (!r.kept.defined() || r.kept.scalar_type() != at::kBool || r.kept.dim() != 4 || r.kept.size(2) != 1 ||
      r.kept.size(3) != r.k.size(2))
    bad("the kept keys are no bool tensor [batch, head, 1, keys]", "Choose them with largest_keys.");
  const at::Tensor kept = r.kept.size(1) > 1 ? ops::repeated_heads(r.kept, r.q.size(1)) : r.kept;
  const at::Tensor share = block_means(kept.transpose(2, 3).to(at::kDouble), r.block);  // [B, H, n, 1]
  return share.gt(0.5).transpose(2, 3).expand({-1, -1, count.queries, -1}).contiguous();
}

/// Query blocks load the regions whose landmarks answer best to their mean query, and always their own block.
at::Tensor landmark(const MaskRequest& r) {
  const Counts count = counts_of(r);
  if (r.regions < 1) bad(std::to_string(r.regions) + " regions are to be loaded", "Load at least one.");
  const at::Tensor landmarks = r.landmarks.defined() ? r.landmarks : block_means(r.k, r.block);
  if (landmarks.dim() != 4 || landmarks.size(1) != r.k.size(1) || landmarks.size(2) != count.keys)
    bad("there is not one landmark a key block", "Give [batch, head, " + std::to_string(count.keys) + ", channel].");
  const at::Tensor answers =
      at::matmul(block_means(r.q, r.block), ops::repeated_heads(landmarks, r.q.size(1)).transpose(-2, -1));
  const auto index = [&](std::int64_t n) { return at::arange(n, answers.options().dtype(at::kLong)); };
  const at::Tensor own = index(count.queries).unsqueeze(1).eq(index(count.keys));
  return ops::largest_entries(answers, r.regions).logical_or(own);
}

at::Tensor pooled_score(const MaskRequest& r) {
  counts_of(r);
  return largest_until(pooled_weights(r.q, r.k, r.block), r.mass, r.at_least);
}

/// No gradient goes through a choice.
template <at::Tensor (*Make)(const MaskRequest&)>
at::Tensor without_graph(const MaskRequest& r) {
  const at::NoGradGuard no_grad;
  return Make(r);
}

constexpr std::array kMakers{
    NamedMaskMaker{"power_of_two", "PowerAttention, from a review; its code was not read",
                   "block distances that are powers of two, a window and sink blocks: d layers reach 2^d blocks", false,
                   without_graph<power_of_two>},
    NamedMaskMaker{"dynamic_top_k", "Trainable dynamic mask attention, mask compared with the authors' code",
                   "key blocks of which the top keys by dynamic bias make up more than half", false,
                   without_graph<dynamic_top_k>},
    NamedMaskMaker{"landmark", "Landmark attention; whole query blocks and region means are our adaptation",
                   "a query block's own block and the regions whose landmarks answer best to its mean query", true,
                   without_graph<landmark>},
    NamedMaskMaker{"pooled_score", "our adaptation of Rectified SpaAttn's selection to any network",
                   "largest softmax weights of block means until a share of the mass is kept", true,
                   without_graph<pooled_score>},
};

}  // namespace

std::span<const NamedMaskMaker> mask_makers() {
  return kMakers;
}

const NamedMaskMaker& mask_maker(std::string_view name) {
  std::string names;
  for (const NamedMaskMaker& maker : kMakers) {
    if (maker.name == name) return maker;
    names += (names.empty() ? "" : ", ") + std::string(maker.name);
  }
  throw Error(ErrorCode::kUsage, "block mask", "there is no mask maker \"" + std::string(name) + "\"",
              "Choose one of " + names + ".");
}

}  // namespace fovea::attention
