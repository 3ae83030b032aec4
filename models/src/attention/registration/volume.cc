// Operators on volumes: attention_gate, modality_attention, dual_position, dual_channel.
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>
#include <fovea/models/volume_attention.h>

#include "attention/ops/run.h"
#include "attention/registration/call.h"
#include "attention/registration/meta.h"

namespace fovea::attention {
namespace registration {
namespace {

using at::Tensor;
using Two = std::tuple<Tensor, Tensor>;

GateCombine combine_of(std::string_view name) {
  if (name == "concat") return GateCombine::kConcat;
  if (name == "add") return GateCombine::kAdd;
  throw Error(ErrorCode::kUsage, "attention gate", "there is no way '" + std::string(name) + "' to combine",
              "Choose concat or add.");
}

Tensor bias_of(const OptionalTensor& bias, const Tensor& weight) {
  return bias ? *bias : at::zeros({weight.size(0)}, weight.options().requires_grad(false));
}

Two attention_gate_op(const Tensor& g, const Tensor& x, const Tensor& wg, const OptionalTensor& bg, const Tensor& wx,
                      const OptionalTensor& bx, const Tensor& wpsi, const Tensor& bpsi, c10::string_view combine,
                      at::IntArrayRef theta_stride, bool upsample_g) {
  const AttentionGateWeights weights{wg, bias_of(bg, wg), wx, bias_of(bx, wx), wpsi, bpsi};
  const Gated gated = ops::run_gate(g, x, weights, combine_of(combine), {theta_stride.vec(), upsample_g});
  return {gated.out, gated.alpha};
}

Two modality_attention_op(const Tensor& features, const Tensor& guide, const Tensor& present, const Tensor& wf,
                          const Tensor& wg, const Tensor& bg, const Tensor& wp, const Tensor& bp) {
  const FusedModalities fused = ops::run_modality(features, guide, present, {wf, wg, bg, wp, bp});
  return {fused.y, fused.weights};
}

Tensor dual_position_op(const Tensor& x, const Tensor& wq, const OptionalTensor& bq, const Tensor& wk,
                        const OptionalTensor& bk, const Tensor& wv, const OptionalTensor& bv, const Tensor& gamma) {
  return ops::run_dual_position(x, {wq, or_undefined(bq), wk, or_undefined(bk), wv, or_undefined(bv), gamma});
}

Tensor dual_channel_op(const Tensor& x, const Tensor& gamma, c10::string_view form) {
  return ops::run_dual_channel(x, gamma, parse_channel_form(form));
}

Tensor image_shape(const Tensor& x, at::ScalarType type) {
  return shaped(x, type, sizes_of(x, 0, x.dim()));
}

Two attention_gate_meta(const Tensor& g, const Tensor& x, const Tensor& wg, const OptionalTensor& bg, const Tensor& wx,
                        const OptionalTensor& bx, const Tensor& wpsi, const Tensor& bpsi, c10::string_view /*combine*/,
                        at::IntArrayRef /*theta_stride*/, bool /*upsample_g*/) {
  const Types types(x, g, wg, bg, wx, bx, wpsi, bpsi);
  std::vector<c10::SymInt> alpha = sizes_of(x, 0, x.dim());
  alpha[1] = 1;
  return {image_shape(x, types.value()), shaped(x, types.computed(), std::move(alpha))};
}

Two modality_attention_meta(const Tensor& features, const Tensor& guide, const Tensor& /*present*/, const Tensor& wf,
                            const Tensor& wg, const Tensor& bg, const Tensor& wp, const Tensor& bp) {
  const Types types(features, guide, wf, wg, bg, wp, bp);
  std::vector<c10::SymInt> y = sizes_of(features, 0, features.dim()), weights = y;
  y.erase(y.begin() + 1), weights.erase(weights.begin() + 2);
  return {shaped(features, types.value(), std::move(y)), shaped(features, types.computed(), std::move(weights))};
}

Tensor dual_position_meta(const Tensor& x, const Tensor& /*wq*/, const OptionalTensor& /*bq*/, const Tensor& /*wk*/,
                          const OptionalTensor& /*bk*/, const Tensor& /*wv*/, const OptionalTensor& /*bv*/,
                          const Tensor& /*gamma*/) {
  return image_shape(x, Types(x).value());
}

Tensor dual_channel_meta(const Tensor& x, const Tensor& /*gamma*/, c10::string_view /*form*/) {
  return image_shape(x, Types(x).value());
}

void implement(torch::Library& m) {
  m.impl("attention_gate", TORCH_FN((Kernel<&attention_gate_op, 1, 1>::call)));
  m.impl("modality_attention", TORCH_FN((Kernel<&modality_attention_op, 1>::call)));
  m.impl("dual_position", TORCH_FN((Kernel<&dual_position_op, 1>::call)));
  m.impl("dual_channel", TORCH_FN((Kernel<&dual_channel_op, 1>::call)));
}

}  // namespace

TORCH_LIBRARY_IMPL(fovea, CPU, m) {
  implement(m);
}
TORCH_LIBRARY_IMPL(fovea, CUDA, m) {
  implement(m);
}
TORCH_LIBRARY_IMPL(fovea, Meta, m) {
  m.impl("attention_gate", TORCH_FN(attention_gate_meta));
  m.impl("modality_attention", TORCH_FN(modality_attention_meta));
  m.impl("dual_position", TORCH_FN(dual_position_meta));
  m.impl("dual_channel", TORCH_FN(dual_channel_meta));
}

}  // namespace registration

using registration::or_none;
using registration::typed;

Gated attention_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& w, GateCombine combine,
                     bool return_alpha, const GateGrid& grid) {
  static const auto op = typed("fovea::attention_gate", &registration::attention_gate_op);
  auto [out, alpha] = op.call(g, x, w.wg, or_none(w.bg), w.wx, or_none(w.bx), w.wpsi, w.bpsi,
                              combine == GateCombine::kConcat ? "concat" : "add", grid.theta_stride, grid.upsample_g);
  return {std::move(out), return_alpha ? std::move(alpha) : at::Tensor()};
}

FusedModalities modality_attention(const at::Tensor& features, const at::Tensor& guide, const at::Tensor& present,
                                   const ModalityWeights& w) {
  static const auto op = typed("fovea::modality_attention", &registration::modality_attention_op);
  auto [y, weights] = op.call(features, guide, present, w.wf, w.wg, w.bg, w.wp, w.bp);
  return {std::move(y), std::move(weights)};
}

at::Tensor dual_position(const at::Tensor& x, const PositionWeights& w) {
  static const auto op = typed("fovea::dual_position", &registration::dual_position_op);
  return op.call(x, w.wq, or_none(w.bq), w.wk, or_none(w.bk), w.wv, or_none(w.bv), w.gamma);
}

at::Tensor dual_channel(const at::Tensor& x, const at::Tensor& gamma, ChannelForm form) {
  static const auto op = typed("fovea::dual_channel", &registration::dual_channel_op);
  return op.call(x, gamma, form == ChannelForm::kInverted ? "inverted" : "direct");
}

}  // namespace fovea::attention
