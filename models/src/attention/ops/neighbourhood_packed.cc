// Neighbourhood attention in packed tiles: the queries of a tile and the box of keys that they see are copied side by
// side, met in matrix products on workspaces, and masked while the softmax passes over the scores.
#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include "attention/minus_infinity.h"
#include "attention/kernels/vector/tile_table.h"
#include "attention/ops/neighbourhood_blocks.h"
#include "attention/ops/row_product.h"
#include "attention/ops/workspace.h"

namespace fovea::attention::ops {
namespace {

/// Channels side by side, so that a token is one piece of memory.
at::Tensor with_dense_tokens(const at::Tensor& x) {
  return x.stride(3) == 1 || x.size(3) == 1 ? x : x.contiguous();
}

template <class T>
class TileWorker {
 public:
  TileWorker(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale, const Attended& result)
      : q_(q), k_(k), v_(v), scale_(static_cast<T>(scale)), result_(result) {}

  void run(const Block& block) {
    if (block.queries.empty() || block.keys.empty()) return;
    const bool all = std::find(block.allowed.begin(), block.allowed.end(), 0) == block.allowed.end();
    allowed_.assign(block.allowed.begin(), block.allowed.end());
    for (std::int64_t batch = 0; batch < q_.size(0); ++batch)
      for (std::int64_t head = 0; head < q_.size(1); ++head)
        attend(block, all ? nullptr : allowed_.data(), batch, head);
  }

 private:
  static at::Tensor gathered(const at::Tensor& x, const Indices& tokens, std::int64_t batch, std::int64_t head,
                             Workspace& space) {
    const std::int64_t width = x.size(3), step = x.stride(2);
    const at::Tensor rows = space.matrix(static_cast<std::int64_t>(tokens.size()), width, x.scalar_type());
    const T* from = x.const_data_ptr<T>() + batch * x.stride(0) + head * x.stride(1);
    T* to = rows.mutable_data_ptr<T>();
    for (std::int64_t token : tokens) to = std::copy(from + token * step, from + token * step + width, to);
    return rows;
  }

  void attend(const Block& block, const std::int32_t* allowed, std::int64_t batch, std::int64_t head) {
    const at::Tensor queries = gathered(q_, block.queries, batch, head, queries_),
                     keys = gathered(k_, block.keys, batch, head, keys_),
                     values = gathered(v_, block.keys, batch, head, values_);
    const std::int64_t rows = queries.size(0), count = keys.size(0);
    T* const at_query = queries.mutable_data_ptr<T>();
    std::transform(at_query, at_query + queries.numel(), at_query, [&](T value) { return value * scale_; });
    at::Tensor scores = scores_.matrix(rows, count, q_.scalar_type()),
               sums = sums_.matrix(rows, v_.size(3), q_.scalar_type());
    at::mm_out(scores, queries, keys.t());
    m_.assign(block.queries.size(), -std::numeric_limits<T>::infinity()), l_.assign(block.queries.size(), T(0));
    factor_.resize(block.queries.size());
    kernels::tile_kernels<T>().softmax_step(scores.mutable_data_ptr<T>(), allowed, rows, count, m_.data(), l_.data(),
                                            factor_.data());
    at::mm_out(sums, scores, values);
    scatter(block.queries, sums.const_data_ptr<T>(), batch * q_.size(1) + head);
  }

  /// The tile's rows in their places; a query that sees no key keeps the result's 0 and -inf.
  void scatter(const Indices& tokens, const T* sums, std::int64_t image) const {
    const std::int64_t count = result_.out.size(2), width = result_.out.size(3);
    T* out = result_.out.template mutable_data_ptr<T>() + image * count * width;
    T* lse = result_.lse.template mutable_data_ptr<T>() + image * count;
    for (std::size_t row = 0; row < tokens.size(); ++row, sums += width) {
      const T l = l_[row], inverse = 1 / l;
      if (l == 0) continue;
      lse[tokens[row]] = m_[row] + std::log(l);
      std::transform(sums, sums + width, out + tokens[row] * width, [&](T sum) { return sum * inverse; });
    }
  }

  const at::Tensor &q_, &k_, &v_;
  T scale_;
  const Attended& result_;
  Workspace queries_, keys_, values_, scores_, sums_;
  std::vector<T> m_, l_, factor_;
  std::vector<std::int32_t> allowed_;
};

}  // namespace

Attended packed_neighbourhood(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const Neighbourhood& grid) {
  const at::NoGradGuard no_grad;
  const NeighbourhoodBlocks blocks(grid);
  const at::Tensor queries = with_dense_tokens(q), keys = with_dense_tokens(k), values = with_dense_tokens(v);
  const Attended result{at::zeros({q.size(0), q.size(1), q.size(2), v.size(3)}, v.options()),
                        at::full({q.size(0), q.size(1), q.size(2)}, kMinusInfinity, q.options())};
  AT_DISPATCH_FLOATING_TYPES(q.scalar_type(), "neighbourhood_attention", [&] {
    at::parallel_for(0, blocks.count(), 1, [&](std::int64_t begin, std::int64_t end) {
      const at::NoGradGuard inner;  // both guards are the thread's own
      const OneThread one;
      TileWorker<scalar_t> worker(queries, keys, values, grid.scale, result);
      for (std::int64_t i = begin; i < end; ++i) worker.run(blocks[i]);
    });
  });
  return result;
}

}  // namespace fovea::attention::ops
