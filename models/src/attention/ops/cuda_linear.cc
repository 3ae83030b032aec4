// Linear attention and MALA on a GPU, forward and backward (attention.md 3.7), on LibTorch's current stream.
#include <cmath>

#include <ATen/TensorOperators.h>
#include <c10/core/DeviceGuard.h>

#include "attention/ops/cuda_library.h"
#include "attention/ops/cuda_linear_parts.h"
#include "attention/ops/kernel_graph.h"
#include "attention/ops/path.h"

namespace fovea::attention::ops {
namespace {

using kernels::AfterProducts;

struct Sides {
  explicit Sides(const LinearInputs& in) : q(device_rows(in.q)), k(device_rows(in.k)), v(device_rows(in.v)) {
    q.features = k.features = true;
    if (in.rotation.sin.defined()) {
      q.sin = k.sin = in.rotation.sin.contiguous();
      q.cos = k.cos = in.rotation.cos.contiguous();
    }
    if (in.keep.defined()) k.keep = v.keep = in.keep.expand(in.k.sizes().slice(0, 3)).contiguous();
  }
  DeviceRows q, k, v;
};

at::Tensor as_heads(const at::Tensor& rows, const at::Tensor& like) {
  return rows.view({like.size(0), like.size(1), rows.size(1), -1});
}

/// Sums over keys, [heads, ..]; for MALA with its factors: c/n of both sums of phi(k), 1/n of the values.
struct KeySums {
  at::Tensor kv, k, v;
};

KeySums linear_sums(const Sides& sides) {
  return {outer_sums(sides.k, sides.v), column_sums(sides.k), {}};
}

struct MalaFactors {
  explicit MalaFactors(const LinearInputs& in) {
    const at::Tensor n = kept_count(in).expand({in.k.size(0), in.k.size(1), 1, 1}).flatten();
    of_values = n.reciprocal();
    of_keys = of_values / std::sqrt(static_cast<double>(in.q.size(3)));
  }
  at::Tensor of_keys, of_values;  // [heads]
};

KeySums mala_sums(const Sides& sides, const MalaFactors& factors) {
  return {outer_sums(sides.k, sides.v, factors.of_keys), column_sums(sides.k.unrotated(), factors.of_keys),
          column_sums(sides.v, factors.of_values)};
}

/// Gradients of the sums, already times the factors of the sums.
AttendTensors with_key_gradients(const LinearInputs& in, const Sides& sides, const KeySums& gradients,
                                 const at::Tensor& of_q) {
  DeviceProducts of_k, of_v;
  of_k.x = sides.v, of_k.matrix = gradients.kv, of_k.transposed = true, of_k.after = AfterProducts::kOfFeatures;
  of_k.column = gradients.k, of_k.at = sides.k;
  of_v.x = sides.k, of_v.matrix = gradients.kv, of_v.column = gradients.v;
  return {as_heads(of_q, in.q), as_heads(row_products(of_k), in.k), as_heads(row_products(of_v), in.v)};
}

/// grad_out times S^T, back through phi: `row` [heads, Nq] is the gradient of phi(q) . column.
at::Tensor query_gradient(const Sides& sides, const DeviceRows& grad_out, const KeySums& sums, const at::Tensor& row) {
  DeviceProducts of_q;
  of_q.x = grad_out, of_q.matrix = sums.kv, of_q.transposed = true, of_q.after = AfterProducts::kOfFeatures;
  of_q.row = row, of_q.column = sums.k, of_q.at = sides.q;
  return row_products(of_q);
}

}  // namespace

at::Tensor cuda_linear(const LinearInputs& in) {
  if (!runs_on_cuda({in.q, in.k, in.v})) return reference_linear(in);
  if (needs_graph({in.q, in.k, in.v}))
    return with_graph({in.q, in.k, in.v}, [&]() -> KernelRun {
      const at::Tensor out = cuda_linear(in);
      return {{out}, [in, out = out.detach()](const std::vector<at::Tensor>& upstream) {
                const AttendTensors gradients = cuda_linear_backward(in, out, upstream[0]);
                return std::vector<at::Tensor>{gradients.q, gradients.k, gradients.v};
              }};
    })[0];
  const c10::DeviceGuard guard(in.q.device());
  const Sides sides(in);
  const KeySums sums = linear_sums(sides);
  DeviceProducts products;
  products.x = sides.q, products.matrix = sums.kv, products.after = AfterProducts::kLinear;
  products.row = row_dots(sides.q, sums.k), products.eps = in.eps;
  return as_heads(row_products(products), in.q);
}

AttendTensors cuda_linear_backward(const LinearInputs& in, const at::Tensor& out, const at::Tensor& grad_out) {
  const c10::DeviceGuard guard(in.q.device());
  const Sides sides(in);
  const KeySums sums = linear_sums(sides);
  const DeviceRows up = device_rows(grad_out);
  const at::Tensor share = (row_dots(sides.q, sums.k) + in.eps).reciprocal();
  const at::Tensor of_denominator = row_dots(up, device_rows(out).rows) * -share;
  const DeviceRows of_numerator = up.times(share);
  const KeySums gradients{outer_sums(sides.q, of_numerator), column_sums(sides.q.times(of_denominator)), {}};
  return with_key_gradients(in, sides, gradients, query_gradient(sides, of_numerator, sums, of_denominator));
}

Mala cuda_mala(const LinearInputs& in) {
  if (!runs_on_cuda({in.q, in.k, in.v, in.rotation.sin, in.rotation.cos}) ||
      needs_graph({in.rotation.sin, in.rotation.cos}))
    return reference_mala(in);
  if (needs_graph({in.q, in.k, in.v})) {
    const auto run = [&]() -> Attended {
      const Mala done = cuda_mala(in);
      return {done.out, done.z};
    };
    const Attended done =
        attended_with_graph({in.q, in.k, in.v}, run, [in](const Attended& forward, const Attended& upstream) {
          return cuda_mala_backward(in, {forward.out, forward.lse}, {upstream.out, upstream.lse});
        });
    return {done.out, done.lse};
  }
  const c10::DeviceGuard guard(in.q.device());
  const Sides sides(in);
  const KeySums sums = mala_sums(sides, MalaFactors(in));
  DeviceProducts products;
  products.x = sides.q, products.matrix = sums.kv, products.after = AfterProducts::kMala;
  products.row = row_dots(sides.q.unrotated(), sums.k), products.column = sums.v, products.eps = in.eps;
  return {as_heads(row_products(products), in.q), products.row.view({in.q.size(0), in.q.size(1), -1, 1})};
}

/// out = b m - z v, b = 1 + 1/(z + eps), m = R phi(q) S, so that grad_out . m = (grad_out . out + z grad_out . v) / b.
AttendTensors cuda_mala_backward(const LinearInputs& in, const Mala& forward, const Mala& upstream) {
  const c10::DeviceGuard guard(in.q.device());
  const Sides sides(in);
  const MalaFactors factors(in);
  const KeySums sums = mala_sums(sides, factors);
  const DeviceRows up = device_rows(upstream.out);
  const at::Tensor z = forward.z.contiguous().flatten(0, 1).squeeze(-1), inverse = (z + in.eps).reciprocal();
  const at::Tensor b = inverse + 1, up_v = row_dots(up, sums.v);
  const at::Tensor up_m = (row_dots(up, device_rows(forward.out).rows) + z * up_v) / b;
  at::Tensor of_z = -(up_m * inverse * inverse) - up_v;
  if (upstream.z.defined()) of_z = of_z + upstream.z.reshape(of_z.sizes());
  const DeviceRows of_mixed = up.times(b);
  const KeySums gradients{outer_sums(sides.q, of_mixed, factors.of_keys),
                          column_sums(sides.q.unrotated().times(of_z), factors.of_keys),
                          column_sums(up.times(z), -factors.of_values)};
  return with_key_gradients(in, sides, gradients, query_gradient(sides, of_mixed, sums, of_z));
}

}  // namespace fovea::attention::ops
