// Linear attention: checks, and which path runs.
#include <fovea/models/linear_attention.h>

#include <cmath>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linspace.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "attention/ops/linear.h"
#include "attention/ops/path.h"
#include "attention/ops/run.h"
#include "attention/ops/self_attention.h"

namespace fovea::attention {
namespace {

[[noreturn]] void bad(const std::string& problem, const std::string& remedy) {
  throw Error(ErrorCode::kShape, "linear attention", problem, remedy);
}

void check_tokens(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  if (q.dim() != 4 || k.dim() != 4 || v.dim() != 4)
    bad("queries, keys and values are not [batch, head, token, channel]", "Give four dimensions.");
  if (q.sizes().slice(0, 2) != k.sizes().slice(0, 2) || q.size(3) != k.size(3))
    bad("queries and keys disagree in batch, heads or channels", "Project both to one head width.");
  if (k.sizes().slice(0, 3) != v.sizes().slice(0, 3))
    bad("keys and values disagree in batch, heads or tokens", "Give one value a key.");
  if (q.size(2) == 0 || k.size(2) == 0) bad("there is no token", "Check the mask or the feature file.");
}

/// The mask as [B|1, h|1, Nk].
at::Tensor checked_mask(const at::Tensor& keep, const at::Tensor& k) {
  at::Tensor mask = keep;
  if (mask.dim() == 1) mask = mask.unsqueeze(0);
  if (mask.dim() == 2) mask = mask.unsqueeze(1);
  const bool fits = mask.scalar_type() == at::kBool && mask.dim() == 3 && mask.size(2) == k.size(2) &&
                    (mask.size(0) == 1 || mask.size(0) == k.size(0)) &&
                    (mask.size(1) == 1 || mask.size(1) == k.size(1));
  if (!fits)
    bad("the mask is no bool tensor with one entry a key", "Give [keys], [batch, keys] or [batch, head, keys].");
  return mask;
}

void check_rotation(const Rotation& rotation, const at::Tensor& q, const at::Tensor& k) {
  if (!rotation.sin.defined() && !rotation.cos.defined()) return;
  const bool fits = rotation.sin.defined() && rotation.cos.defined() && rotation.sin.sizes() == q.sizes().slice(2) &&
                    rotation.cos.sizes() == q.sizes().slice(2) && q.size(2) == k.size(2) && q.size(3) % 2 == 0;
  if (!fits)
    bad("the rotation does not fit the tokens", "Give sines and cosines of shape [tokens, channels], channels even.");
}

ops::LinearInputs checked(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const c10::optional<at::Tensor>& keep, const Rotation& rotation, double eps) {
  check_tokens(q, k, v);
  check_rotation(rotation, q, k);
  return {q, k, v, keep ? checked_mask(*keep, k) : at::Tensor(), rotation, eps};
}

bool takes_definition(const ops::LinearInputs& in) {
  return ops::by_definition({in.q, in.k, in.v, in.rotation.sin, in.rotation.cos});
}

}  // namespace

at::Tensor ops::run_linear(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const c10::optional<at::Tensor>& keep, double eps) {
  const ops::LinearInputs in = checked(q, k, v, keep, {}, eps);
  if (takes_definition(in)) return ops::reference_linear(in);
  return q.is_cpu() ? ops::split_linear(in) : ops::cuda_linear(in);
}

Mala ops::run_mala(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const c10::optional<at::Tensor>& keep,
                   const Rotation& rotation, double eps) {
  const ops::LinearInputs in = checked(q, k, v, keep, rotation, eps);
  if (takes_definition(in)) return ops::reference_mala(in);
  return q.is_cpu() ? ops::split_mala(in) : ops::cuda_mala(in);
}

Rotation grid_rotation(const at::Tensor& rows, const at::Tensor& columns, std::int64_t d, const at::Tensor& like) {
  if (d <= 0 || d % 4 != 0)
    bad("a head width of " + std::to_string(d) + " is no multiple of 4", "Choose another width.");
  if (rows.dim() != 1 || rows.sizes() != columns.sizes())
    bad("rows and columns of the grid are not one number a token", "Give two vectors of the same length.");
  // Angles in double: a row of 1000 turns so often that float32 would leave five digits.
  const auto options = like.options().dtype(at::kDouble).requires_grad(false);
  const at::Tensor frequencies = (at::linspace(0, 1, d / 4, options) * -std::log(10000.0)).exp().repeat_interleave(2);
  const at::Tensor angles =
      at::cat({rows.to(options).unsqueeze(1) * frequencies, columns.to(options).unsqueeze(1) * frequencies}, 1);
  return {angles.sin().to(like.scalar_type()), angles.cos().to(like.scalar_type())};
}

at::Tensor ops::run_decayed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& slopes,
                            Decay decay, std::int64_t tile) {
  check_tokens(q, k, v);
  if (q.size(2) != k.size(2)) bad("queries and keys are not the same tokens", "Decay is for self-attention.");
  if (tile < 1) bad("a tile of " + std::to_string(tile) + " tokens", "Choose at least 1, 64 is usual.");
  if (slopes.dim() != 1 || slopes.size(0) != q.size(1)) bad("there is not one slope a head", "Give slopes [heads].");
  if (slopes.lt(0).any().item<bool>())
    bad("a slope is negative", "Weights fall with distance: give slopes of at least 0.");
  if (backend() == Backend::kReference) return ops::reference_decayed(q, k, v, slopes, decay);
  if (!q.is_cpu()) return ops::cuda_decayed(q, k, v, slopes, decay, tile);
  return ops::tiled_decayed(q, k, v, slopes, decay, tile);
}

at::Tensor alibi_slopes(std::int64_t heads) {
  if (heads < 1 || (heads & (heads - 1)) != 0)
    bad(std::to_string(heads) + " heads are no power of two", "Give the slopes themselves.");
  const double step = -8 * std::log(2.0) / static_cast<double>(heads);
  return (at::arange(1, heads + 1, at::TensorOptions(at::kDouble)) * step).exp();
}

}  // namespace fovea::attention
