// Block-sparse attention without the matrix of all scores: a query block meets its kept key blocks side by side.
#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>

#include "attention/minus_infinity.h"
#include "attention/ops/pool.h"
#include "attention/ops/self_attention.h"
#include "attention/ops/sparse.h"

namespace fovea::attention::ops {
namespace {

/// [begin, end) of kept key blocks, neighbours joined: one copy a run, none when there is a single run.
struct Run {
  std::int64_t begin, end;
};

class KeptBlocks {
 public:
  explicit KeptBlocks(const at::Tensor& blocks) : blocks_(blocks.to(at::kCPU).contiguous()) {}
  std::vector<Run> of(std::int64_t batch, std::int64_t head, std::int64_t row) const {
    const std::int64_t b = blocks_.size(0) > 1 ? batch : 0, h = blocks_.size(1) > 1 ? head : 0, n = blocks_.size(3);
    const bool* kept = blocks_.const_data_ptr<bool>() + ((b * blocks_.size(1) + h) * blocks_.size(2) + row) * n;
    std::vector<Run> runs;
    for (std::int64_t j = 0; j < n; ++j) {
      if (!kept[j]) continue;
      if (!runs.empty() && runs.back().end == j)
        ++runs.back().end;
      else
        runs.push_back({j, j + 1});
    }
    return runs;
  }

 private:
  at::Tensor blocks_;
};

Attended attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale) {
  const Softmax soft = softmax_of(at::mm(q, k.t()) * scale);
  return {at::mm(soft.weights, v), soft.lse()};
}

/// A query block that sees nothing. Made from q so that a graph, if there is one, reaches q with zeros.
Attended nothing(const at::Tensor& q, std::int64_t width) {
  const at::Tensor zero = q.masked_fill(at::ones_like(q, at::kBool), 0.0).sum(1);
  return {zero.unsqueeze(1).expand({q.size(0), width}), zero + kMinusInfinity};
}

at::Tensor joined(const std::vector<at::Tensor>& parts) {
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

at::Tensor rows_of(const at::Tensor& x, const std::vector<Run>& runs, std::int64_t block) {
  std::vector<at::Tensor> parts;
  for (const Run& run : runs) parts.push_back(x.slice(0, run.begin * block, std::min(x.size(0), run.end * block)));
  return joined(parts);
}

at::Tensor blocks_of(const std::vector<at::Tensor>& pieces, const std::vector<Run>& runs) {
  std::vector<at::Tensor> parts;
  for (const Run& run : runs) parts.insert(parts.end(), pieces.begin() + run.begin, pieces.begin() + run.end);
  return joined(parts);
}

}  // namespace

Attended parallel_block_sparse(const SparseInputs& in) {
  const std::int64_t batches = in.q.size(0), heads = in.q.size(1), queries = in.q.size(2), count = in.blocks.size(2);
  const KeptBlocks kept(in.blocks);
  Attended all{at::empty({batches, heads, queries, in.v.size(3)}, in.v.options()),
               at::empty({batches, heads, queries}, in.q.options())};
  at::parallel_for(0, batches * heads * count, 1, [&](std::int64_t first, std::int64_t last) {
    const at::NoGradGuard no_grad;
    const OneThread one;
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t batch = i / count / heads, head = i / count % heads, shared = head * in.k.size(1) / heads;
      const std::int64_t row = i % count, begin = row * in.block, end = std::min(queries, begin + in.block);
      const std::vector<Run> runs = kept.of(batch, head, row);
      const at::Tensor q = in.q[batch][head].slice(0, begin, end);
      const auto kept_rows = [&](const at::Tensor& x) { return rows_of(x[batch][shared], runs, in.block); };
      const Attended done =
          runs.empty() ? nothing(q, in.v.size(3)) : attend(q, kept_rows(in.k), kept_rows(in.v), in.scale);
      all.out[batch][head].slice(0, begin, end).copy_(done.out);
      all.lse[batch][head].slice(0, begin, end).copy_(done.lse);
    }
  });
  return all;
}

/// Tensors are split once: the gradient of many slices would be a full-size tensor each.
Attended graph_block_sparse(const SparseInputs& in) {
  const std::int64_t batches = in.q.size(0), heads = in.q.size(1), key_heads = in.k.size(1);
  const KeptBlocks kept(in.blocks);
  const auto split = [&](const at::Tensor& x) {
    std::vector<std::vector<at::Tensor>> all;
    for (const at::Tensor& one : x.flatten(0, 1).unbind()) all.push_back(one.split(in.block));
    return all;
  };
  const auto q = split(in.q), k = split(in.k), v = split(in.v);
  std::vector<at::Tensor> outs, lses;
  for (std::int64_t i = 0; i < batches * heads; ++i) {
    const std::int64_t batch = i / heads, head = i % heads;
    const auto shared = static_cast<std::size_t>(batch * key_heads + head * key_heads / heads);
    std::vector<at::Tensor> rows, logs;
    for (const at::Tensor& block : q[static_cast<std::size_t>(i)]) {
      const std::vector<Run> runs = kept.of(batch, head, static_cast<std::int64_t>(rows.size()));
      const Attended done = runs.empty()
                                ? nothing(block, in.v.size(3))
                                : attend(block, blocks_of(k[shared], runs), blocks_of(v[shared], runs), in.scale);
      rows.push_back(done.out), logs.push_back(done.lse);
    }
    outs.push_back(joined(rows)), lses.push_back(joined(logs));
  }
  return {at::stack(outs).unflatten(0, {batches, heads}), at::stack(lses).unflatten(0, {batches, heads})};
}

}  // namespace fovea::attention::ops
