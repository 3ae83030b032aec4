// Linear attention operators: linear_attention, mala, decayed_linear_attention.
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <torch/library.h>

#include <fovea/base/error.h>
#include <fovea/models/linear_attention.h>

#include "attention/ops/run.h"
#include "attention/registration/call.h"
#include "attention/registration/meta.h"

namespace fovea::attention {
namespace registration {
namespace {

using at::Tensor;
using Two = std::tuple<Tensor, Tensor>;

Decay decay_of(std::string_view name) {
  if (name == "causal") return Decay::kCausal;
  if (name == "bidirectional") return Decay::kBidirectional;
  throw Error(ErrorCode::kUsage, "linear attention", "there is no decay '" + std::string(name) + "'",
              "Choose causal or bidirectional.");
}

Tensor linear_attention_op(const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& keep, double eps) {
  return ops::run_linear(q, k, v, keep, eps);
}

Two mala_op(const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& keep, const OptionalTensor& sin,
            const OptionalTensor& cos, double eps) {
  const Mala done = ops::run_mala(q, k, v, keep, {or_undefined(sin), or_undefined(cos)}, eps);
  return {done.out, done.z};
}

Tensor decayed_op(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& slopes, c10::string_view decay,
                  std::int64_t tile) {
  return ops::run_decayed(q, k, v, slopes, decay_of(decay), tile);
}

Tensor out_shape(const Tensor& q, const Tensor& v, const Types& types) {
  return shaped(q, types.value(), sizes_of(q, 0, 3, {v.sym_size(3)}));
}

Tensor linear_attention_meta(const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& /*keep*/,
                             double /*eps*/) {
  return out_shape(q, v, Types(q, k, v));
}

Two mala_meta(const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& /*keep*/,
              const OptionalTensor& sin, const OptionalTensor& cos, double /*eps*/) {
  const Types types(q, k, v, sin, cos);
  return {out_shape(q, v, types), shaped(q, types.computed(), sizes_of(q, 0, 3, {1}))};
}

Tensor decayed_meta(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& slopes, c10::string_view /*decay*/,
                    std::int64_t /*tile*/) {
  return out_shape(q, v, Types(q, k, v, slopes));
}

void implement(torch::Library& m) {
  m.impl("linear_attention", TORCH_FN((Kernel<&linear_attention_op, 1>::call)));
  m.impl("mala", TORCH_FN((Kernel<&mala_op, 1>::call)));
  m.impl("decayed_linear_attention", TORCH_FN((Kernel<&decayed_op, 1>::call)));
}

}  // namespace

TORCH_LIBRARY_IMPL(fovea, CPU, m) {
  implement(m);
}
TORCH_LIBRARY_IMPL(fovea, CUDA, m) {
  implement(m);
}
TORCH_LIBRARY_IMPL(fovea, Meta, m) {
  m.impl("linear_attention", TORCH_FN(linear_attention_meta));
  m.impl("mala", TORCH_FN(mala_meta));
  m.impl("decayed_linear_attention", TORCH_FN(decayed_meta));
}

}  // namespace registration

using registration::or_none;
using registration::typed;

at::Tensor linear_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const c10::optional<at::Tensor>& keep, double eps) {
  static const auto op = typed("fovea::linear_attention", &registration::linear_attention_op);
  return op.call(q, k, v, keep, eps);
}

Mala mala(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const c10::optional<at::Tensor>& keep,
          const Rotation& rotation, double eps) {
  static const auto op = typed("fovea::mala", &registration::mala_op);
  auto [out, z] = op.call(q, k, v, keep, or_none(rotation.sin), or_none(rotation.cos), eps);
  return {std::move(out), std::move(z)};
}

at::Tensor decayed_linear_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    const at::Tensor& slopes, Decay decay, std::int64_t tile) {
  static const auto op = typed("fovea::decayed_linear_attention", &registration::decayed_op);
  return op.call(q, k, v, slopes, decay == Decay::kCausal ? "causal" : "bidirectional", tile);
}

}  // namespace fovea::attention
