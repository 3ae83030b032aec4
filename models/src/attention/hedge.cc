// Interim: plain compositions until the kernel layer lands (branch h/attention replaces this file).
#include <fovea/models/attention.h>

#include <cmath>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/softmax.h>

#include <fovea/base/error.h>

namespace fovea::attention {
namespace {
Backend g_backend = Backend::kAuto;

at::Tensor scores_of(const at::Tensor& x, const GateWeights& w) {
  at::Tensor h = at::linear(x, w.wv, w.bv).tanh();
  if (w.wu.defined()) h = h * at::linear(x, w.wu, w.bu).sigmoid();
  return at::linear(h, w.w, w.b).t();
}

class Stream final : public GatedPoolStream {
 public:
  Stream(GateWeights w, std::function<at::Tensor(const at::Tensor&)> t) : w_(std::move(w)), t_(std::move(t)) {}
  void push(const at::Tensor& rows) override { parts_.push_back(rows.clone()), rows_ += rows.size(0); }
  std::int64_t rows() const override { return rows_; }
  Pooled snapshot() const override {
    if (rows_ == 0) throw Error(ErrorCode::kShape, "attention pooling", "the bag has no instance", "Check the tissue mask.");
    at::Tensor x = at::cat(parts_);
    return gated_pool(t_ ? t_(x) : x, w_);
  }
  Pooled finish() override { return snapshot(); }
 private:
  GateWeights w_;
  std::function<at::Tensor(const at::Tensor&)> t_;
  std::vector<at::Tensor> parts_;
  std::int64_t rows_ = 0;
};
}  // namespace

void set_backend(Backend backend) { g_backend = backend; }
Backend backend() { return g_backend; }
Backend parse_backend(std::string_view name) {
  if (name == "reference") return Backend::kReference;
  if (name == "native") return Backend::kNative;
  return Backend::kAuto;
}

Pooled score_pool(const at::Tensor& scores, const at::Tensor& x) {
  at::Tensor lse = at::logsumexp(scores, {1});
  at::Tensor a = (scores - lse.unsqueeze(1)).exp();
  return {a.mm(x), scores, lse, lse - (a * scores).sum(1)};
}
Pooled gated_pool(const at::Tensor& x, const GateWeights& weights, const c10::optional<at::Tensor>& keep) {
  if (x.size(0) == 0) throw Error(ErrorCode::kShape, "attention pooling", "the bag has no instance", "Check the tissue mask.");
  at::Tensor s = scores_of(x, weights);
  if (keep) s = s.masked_fill(keep->logical_not(), -INFINITY);
  return score_pool(s, x);
}
at::Tensor weights_of(const at::Tensor& scores, const at::Tensor& lse) { return (scores - lse.unsqueeze(1)).exp(); }
std::unique_ptr<GatedPoolStream> make_gated_pool_stream(const GateWeights& weights, std::function<at::Tensor(const at::Tensor&)> transform) {
  return std::make_unique<Stream>(weights, std::move(transform));
}
Gated apply_gate(const at::Tensor& x, const at::Tensor& logits) {
  at::Tensor alpha = logits.sigmoid();
  return {x * alpha, alpha};
}
Gated attention_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& w, GateCombine combine, bool return_alpha) {
  auto one = [](const at::Tensor& in, const at::Tensor& weight, const at::Tensor& bias) {
    return at::linear(in.movedim(1, -1), weight, bias).movedim(-1, 1);
  };
  at::Tensor g1 = one(g, w.wg, w.bg), x1 = one(x, w.wx, w.bx);
  at::Tensor both = combine == GateCombine::kConcat ? at::cat({g1, x1}, 1) : g1 + x1;
  Gated gated = apply_gate(x, one(both.relu(), w.wpsi.unsqueeze(0), w.bpsi));
  if (!return_alpha) gated.alpha = at::Tensor();
  return gated;
}
}  // namespace fovea::attention
