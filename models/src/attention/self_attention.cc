// Dense self-attention: checks, and which path runs.
#include <fovea/models/self_attention.h>

#include <algorithm>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "attention/minus_infinity.h"
#include "attention/ops/path.h"
#include "attention/ops/pool.h"
#include "attention/ops/run.h"
#include "attention/ops/self_attention.h"

namespace fovea::attention {
namespace {

constexpr const char* kSubject = "self-attention";
constexpr std::int64_t kScoresAtOnce = std::int64_t{1} << 18;  // a block of scores stays near the cache
constexpr std::int64_t kLeastRows = 16;                        // fewer rows would make products of vectors

[[noreturn]] void bad(const std::string& problem, const std::string& remedy) {
  throw Error(ErrorCode::kShape, kSubject, problem, remedy);
}

bool broadcasts(const at::Tensor& x, const std::vector<std::int64_t>& to) {
  if (x.dim() != 4) return false;
  for (std::int64_t i = 0; i < 4; ++i)
    if (x.size(i) != 1 && x.size(i) != to[static_cast<std::size_t>(i)]) return false;
  return true;
}

/// Masks and biases in four dimensions, everything checked against the scores' shape.
AttentionOptions checked(const at::Tensor& q, const at::Tensor& k, AttentionOptions options) {
  ops::check_heads(kSubject, q, k);
  const std::vector<std::int64_t> scores{q.size(0), q.size(1), q.size(2), k.size(2)};
  options.keep = ops::pair_mask(options.keep);
  while (options.bias.defined() && options.bias.dim() < 4) options.bias = options.bias.unsqueeze(0);
  if (options.keep.defined() && (options.keep.scalar_type() != at::kBool || !broadcasts(options.keep, scores)))
    bad("the mask is no bool tensor of the scores' shape",
        "Give [keys], [batch, keys], [batch, queries, keys] or four dimensions.");
  if (options.bias.defined() && !broadcasts(options.bias, scores))
    bad("the bias does not have the scores' shape", "Give a bias that broadcasts to [batch, head, query, key].");
  if (options.normaliser == Normaliser::kSoftmaxSink && (!options.sink.defined() || options.sink.numel() != q.size(1)))
    bad("there is not one sink a query head", "Give sinks of shape [heads].");
  if (options.normaliser == Normaliser::kAffine &&
      (!options.alpha.defined() || options.alpha.sizes() != at::IntArrayRef(scores).slice(0, 3)))
    bad("there is not one alpha a head and query", "Compute alpha with affine_alpha.");
  return options;
}

bool wants_graph(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionOptions& o) {
  return ops::needs_graph({q, k, v, o.bias, o.sink, o.alpha});
}

/// One batch entry, one query head, some queries.
struct Part {
  std::int64_t batch, head, begin, end;
  at::Tensor of(const at::Tensor& x) const {
    if (!x.defined()) return x;
    at::Tensor part = x;
    if (x.size(0) > 1) part = part.slice(0, batch, batch + 1);
    if (x.size(1) > 1) part = part.slice(1, head, head + 1);
    return x.size(2) > 1 ? part.slice(2, begin, end) : part;
  }
};

AttentionOptions options_of(const AttentionOptions& whole, const Part& part) {
  AttentionOptions options = whole;
  options.keep = part.of(whole.keep), options.bias = part.of(whole.bias), options.alpha = part.of(whole.alpha);
  if (whole.sink.defined()) options.sink = whole.sink.slice(0, part.head, part.head + 1);
  return options;
}

/// Blocks of queries on all threads, each by the definition: the scores of a block are all that a thread holds. Results
/// are written where they belong at once: kept apart, they would break up the memory that the next block's scores could
/// use again.
Attended in_blocks(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionOptions& options) {
  const std::int64_t batches = q.size(0), heads = q.size(1), queries = q.size(2);
  const std::int64_t step = std::min(queries, std::max(kLeastRows, kScoresAtOnce / k.size(2)));
  const std::int64_t steps = (queries + step - 1) / step;
  Attended all{at::empty({batches, heads, queries, v.size(3)}, v.options()),
               at::empty({batches, heads, queries}, q.options())};
  at::parallel_for(0, batches * heads * steps, 1, [&](std::int64_t first, std::int64_t last) {
    const at::NoGradGuard no_grad;
    const ops::OneThread one;
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t batch = i / steps / heads, head = i / steps % heads, shared = head * k.size(1) / heads;
      const Part part{batch, head, i % steps * step, std::min(queries, (i % steps + 1) * step)};
      const auto keys_of = [&](const at::Tensor& x) {
        return x.slice(0, batch, batch + 1).slice(1, shared, shared + 1);
      };
      const at::Tensor rows = q.slice(0, batch, batch + 1).slice(1, head, head + 1).slice(2, part.begin, part.end);
      const Attended done = ops::reference_attention(rows, keys_of(k), keys_of(v), options_of(options, part));
      all.out[batch][head].slice(0, part.begin, part.end).copy_(done.out[0][0]);
      all.lse[batch][head].slice(0, part.begin, part.end).copy_(done.lse[0][0]);
    }
  });
  return all;
}

/// LibTorch's fused kernel. It takes one mask, and does not promise zeros for a query without keys.
Attended fused(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionOptions& options) {
  c10::optional<at::Tensor> mask;
  if (options.keep.defined()) mask = options.keep;
  if (options.bias.defined())
    mask = mask ? options.bias.masked_fill(mask->logical_not(), kMinusInfinity) : options.bias;
  at::Tensor out = at::scaled_dot_product_attention(q, ops::repeated_heads(k, q.size(1)),
                                                    ops::repeated_heads(v, q.size(1)), mask, 0.0, false, options.scale);
  if (!mask) return {out, {}};
  const at::Tensor present = mask->scalar_type() == at::kBool ? *mask : mask->ne(kMinusInfinity);
  return {out.masked_fill(present.any(-1, true).logical_not(), 0.0), {}};
}

}  // namespace

Attended ops::run_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const AttentionOptions& given) {
  const AttentionOptions options = checked(q, k, given);
  if (v.dim() != 4 || v.size(0) != k.size(0) || v.size(1) != k.size(1) || v.size(2) != k.size(2))
    bad("keys and values disagree in batch, heads or tokens", "Give one value a key.");
  Attended attended;
  if (backend() == Backend::kReference || wants_graph(q, k, v, options)) {
    attended = ops::reference_attention(q, k, v, options);
  } else if (options.normaliser == Normaliser::kSoftmax && !options.want_lse && v.size(3) == q.size(3)) {
    attended = fused(q, k, v, options);  // other widths of v would make LibTorch hold all scores
  } else {
    const at::NoGradGuard no_grad;
    attended = in_blocks(q, k, v, options);
  }
  if (!options.want_lse) attended.lse = at::Tensor();
  return attended;
}

at::Tensor attention_weights(const at::Tensor& q, const at::Tensor& k, const AttentionOptions& options) {
  return ops::reference_weights(q, k, checked(q, k, options)).weights;
}

at::Tensor affine_alpha(const at::Tensor& x, const at::Tensor& wa) {
  if (x.dim() != 3 || wa.dim() != 2 || x.size(2) != wa.size(1))
    bad("tokens and the weights of alpha disagree in width", "Give [batch, token, channel] and [head, channel].");
  return (at::linear(x, wa) * 0.1 + 0.5).clamp(0, 1).transpose(1, 2);
}

double moved_alpha_mean(double previous, const at::Tensor& alpha, double rho) {
  return rho * previous + (1 - rho) * alpha.detach().mean().item<double>();
}

}  // namespace fovea::attention
