// Self-attention operators: attention, neighborhood_attention, block_sparse_attention,
// rectified_block_sparse_attention.
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <fovea/base/error.h>
#include <fovea/models/self_attention.h>
#include <fovea/models/sparse_attention.h>

#include "attention/ops/run.h"
#include "attention/registration/call.h"
#include "attention/registration/meta.h"

namespace fovea::attention {
namespace registration {
namespace {

using at::Tensor;
using Two = std::tuple<Tensor, Tensor>;
using Six = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

constexpr std::pair<std::string_view, Normaliser> kNormalisers[] = {{"softmax", Normaliser::kSoftmax},
                                                                    {"softmax_sink", Normaliser::kSoftmaxSink},
                                                                    {"sigmoid", Normaliser::kSigmoid},
                                                                    {"affine", Normaliser::kAffine}};

Normaliser normaliser_of(std::string_view name) {
  for (const auto& [known, normaliser] : kNormalisers)
    if (known == name) return normaliser;
  throw Error(ErrorCode::kUsage, "self-attention", "there is no normaliser '" + std::string(name) + "'",
              "Choose softmax, softmax_sink, sigmoid or affine.");
}

std::string_view name_of(Normaliser normaliser) {
  return kNormalisers[static_cast<std::size_t>(normaliser)].first;
}

Two attention_op(const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& bias,
                 const OptionalTensor& keep, c10::optional<double> scale, c10::string_view normaliser,
                 const OptionalTensor& sink, const OptionalTensor& alpha, double alpha_ma, bool want_lse) {
  const AttentionOptions options{or_undefined(bias), or_undefined(keep),  scale,    normaliser_of(normaliser),
                                 or_undefined(sink), or_undefined(alpha), alpha_ma, want_lse};
  const Attended attended = ops::run_attention(q, k, v, options);
  return {attended.out, want_lse ? attended.lse : at::empty({0}, attended.out.options())};
}

/// `head_windows`, one window after the other, as one window a head.
std::vector<std::vector<std::int64_t>> by_head(at::IntArrayRef windows, std::size_t axes) {
  std::vector<std::vector<std::int64_t>> heads;
  if (axes == 0 || windows.size() % axes != 0)
    throw Error(ErrorCode::kShape, "neighbourhood attention", "head windows are not one entry a head and axis",
                "Give them one head after the other.");
  for (std::size_t i = 0; i < windows.size(); i += axes) heads.push_back(windows.slice(i, axes).vec());
  return heads;
}

Two neighborhood_attention_op(const Tensor& q, const Tensor& k, const Tensor& v, at::IntArrayRef shape,
                              at::IntArrayRef window, at::IntArrayRef stride, at::IntArrayRef dilation,
                              const OptionalTensor& valid, c10::List<bool> causal, c10::optional<double> scale,
                              at::IntArrayRef head_windows) {
  NeighbourhoodOptions options;
  options.window = window.vec(), options.stride = stride.vec(), options.dilation = dilation.vec();
  options.causal.assign(causal.begin(), causal.end());
  if (!head_windows.empty()) options.head_windows = by_head(head_windows, shape.size());
  options.valid = or_undefined(valid), options.scale = scale;
  const Attended attended = ops::run_neighbourhood(q, k, v, shape.vec(), options);
  return {attended.out, attended.lse};
}

Two block_sparse_attention_op(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& blocks,
                              std::int64_t block, c10::optional<double> scale) {
  const Attended attended = ops::run_block_sparse(q, k, v, blocks, block, scale);
  return {attended.out, attended.lse};
}

Six rectified_op(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t block, double mass,
                 std::int64_t at_least, c10::optional<double> scale, const OptionalTensor& blocks) {
  const Rectified r = ops::run_rectified(q, k, v, {block, mass, at_least, scale, or_undefined(blocks)});
  // A mask that was given comes back as it is; an operator's result may not share memory with its arguments.
  const Tensor kept = r.blocks.clone(at::MemoryFormat::Contiguous);
  return {r.out, r.sparse.out, r.sparse.lse, r.pooled, kept, r.critical};
}

Two attended_shapes(const Tensor& q, const Tensor& v, const Types& types) {
  return {shaped(q, types.value(), sizes_of(q, 0, 3, {v.sym_size(3)})), shaped(q, types.computed(), sizes_of(q, 0, 3))};
}

Two attention_meta(const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& bias,
                   const OptionalTensor& /*keep*/, c10::optional<double> /*scale*/, c10::string_view /*normaliser*/,
                   const OptionalTensor& sink, const OptionalTensor& alpha, double /*alpha_ma*/, bool want_lse) {
  const Types types(q, k, v, bias, sink, alpha);
  auto [out, lse] = attended_shapes(q, v, types);
  return {out, want_lse ? lse : shaped(q, types.computed(), {0})};
}

Two neighborhood_attention_meta(const Tensor& q, const Tensor& k, const Tensor& v, at::IntArrayRef /*shape*/,
                                at::IntArrayRef /*window*/, at::IntArrayRef /*stride*/, at::IntArrayRef /*dilation*/,
                                const OptionalTensor& /*valid*/, c10::List<bool> /*causal*/,
                                c10::optional<double> /*scale*/, at::IntArrayRef /*head_windows*/) {
  return attended_shapes(q, v, Types(q, k, v));
}

Two block_sparse_attention_meta(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& /*blocks*/,
                                std::int64_t /*block*/, c10::optional<double> /*scale*/) {
  return attended_shapes(q, v, Types(q, k, v));
}

Six rectified_meta(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t block, double /*mass*/,
                   std::int64_t /*at_least*/, c10::optional<double> /*scale*/, const OptionalTensor& /*blocks*/) {
  const Types types(q, k, v);
  const auto count = [&](const Tensor& x) { return (x.sym_size(2) + block - 1) / block; };
  const auto mask = [&](at::ScalarType type) { return shaped(q, type, sizes_of(q, 0, 2, {count(q), count(k)})); };
  const auto [out, lse] = attended_shapes(q, v, types);
  return {
      out, std::get<0>(attended_shapes(q, v, types)), lse, mask(types.computed()), mask(at::kBool), mask(at::kBool)};
}

void implement(torch::Library& m) {
  m.impl("attention", TORCH_FN((Kernel<&attention_op, 1>::call)));
  m.impl("neighborhood_attention", TORCH_FN((Kernel<&neighborhood_attention_op, 1>::call)));
  m.impl("block_sparse_attention", TORCH_FN((Kernel<&block_sparse_attention_op, 1>::call)));
  m.impl("rectified_block_sparse_attention", TORCH_FN((Kernel<&rectified_op, 2>::call)));
}

}  // namespace

TORCH_LIBRARY_IMPL(fovea, CPU, m) {
  implement(m);
}
TORCH_LIBRARY_IMPL(fovea, CUDA, m) {
  implement(m);
}
TORCH_LIBRARY_IMPL(fovea, Meta, m) {
  m.impl("attention", TORCH_FN(attention_meta));
  m.impl("neighborhood_attention", TORCH_FN(neighborhood_attention_meta));
  m.impl("block_sparse_attention", TORCH_FN(block_sparse_attention_meta));
  m.impl("rectified_block_sparse_attention", TORCH_FN(rectified_meta));
}

}  // namespace registration

using registration::or_none;
using registration::typed;

Attended attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionOptions& o) {
  static const auto op = typed("fovea::attention", &registration::attention_op);
  auto [out, lse] = op.call(q, k, v, or_none(o.bias), or_none(o.keep), o.scale, registration::name_of(o.normaliser),
                            or_none(o.sink), or_none(o.alpha), o.alpha_mean, o.want_lse);
  return {std::move(out), o.want_lse ? std::move(lse) : at::Tensor()};
}

Attended neighbourhood_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                 const std::vector<std::int64_t>& shape, const NeighbourhoodOptions& o) {
  static const auto op = typed("fovea::neighborhood_attention", &registration::neighborhood_attention_op);
  c10::List<bool> causal;
  for (const bool axis : o.causal) causal.push_back(axis);
  std::vector<std::int64_t> head_windows;
  for (const auto& window : o.head_windows) {
    // One entry may stand for all axes here; the operator wants them spelled out.
    if (window.size() == 1)
      head_windows.insert(head_windows.end(), shape.size(), window.front());
    else
      head_windows.insert(head_windows.end(), window.begin(), window.end());
  }
  auto [out, lse] =
      op.call(q, k, v, shape, o.window, o.stride, o.dilation, or_none(o.valid), causal, o.scale, head_windows);
  return {std::move(out), std::move(lse)};
}

Attended block_sparse_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& blocks,
                                std::int64_t block, c10::optional<double> scale) {
  static const auto op = typed("fovea::block_sparse_attention", &registration::block_sparse_attention_op);
  auto [out, lse] = op.call(q, k, v, blocks, block, scale);
  return {std::move(out), std::move(lse)};
}

Rectified rectified_block_sparse_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                           const RectifiedOptions& o) {
  static const auto op = typed("fovea::rectified_block_sparse_attention", &registration::rectified_op);
  auto [out, sparse, lse, pooled, kept, critical] =
      op.call(q, k, v, o.block, o.mass, o.at_least, o.scale, or_none(o.blocks));
  return {std::move(out), {std::move(sparse), std::move(lse)}, std::move(pooled), std::move(kept), std::move(critical)};
}

}  // namespace fovea::attention
