// Single operations of the attention layer, in float64 and float32, with their gradients.
#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <nlohmann/json.hpp>

#include <fovea/models/attention.h>
#include <fovea/models/mil.h>

#include "selftest/case_file.h"

namespace fovea::pipeline::selftest {
namespace {

using Values = std::map<std::string, at::Tensor>;

/// The case's inputs in one precision, as leaves of a graph where they have an expected gradient.
class Inputs {
 public:
  Inputs(const CaseFile& file, const RunOptions& options, at::ScalarType type) : file_(file), device_(options.device), type_(type) {}
  at::Tensor operator()(const std::string& name) {
    auto found = leaves_.find(name);
    if (found != leaves_.end()) return found->second;
    at::Tensor leaf = file_.tensor(name).to(device_, type_);
    if (file_.has("grad." + name + ".f64")) leaf.set_requires_grad(true);
    return leaves_[name] = leaf;
  }
  c10::optional<at::Tensor> mask(const std::string& name) const {
    if (!file_.has(name)) return {};
    return file_.tensor(name).to(device_, at::kBool);
  }
  const Values& leaves() const { return leaves_; }
  const CaseFile& file() const { return file_; }

 private:
  const CaseFile& file_;
  c10::Device device_;
  at::ScalarType type_;
  Values leaves_;
};

/// The loss layer's diversity, which needs logits that do not matter here.
at::Tensor diversity_of(const attention::Pooled& pooled, const at::Tensor& weights) {
  models::MilOutput output;
  output.attn_raw = pooled.scores, output.attn_softmax = weights, output.entropy = pooled.entropy;
  output.branch_logits = at::zeros({weights.size(0), 2}, weights.options());
  output.bag_logits = at::zeros({1, 2}, weights.options());
  return models::mil_loss(output, at::zeros({}, weights.options().dtype(at::kLong))).diversity;
}

void add_pooled(Values& values, const attention::Pooled& pooled) {
  const at::Tensor weights = attention::weights_of(pooled.scores);
  values["z"] = pooled.z, values["attn"] = weights, values["lse"] = pooled.lse, values["entropy"] = pooled.entropy;
  values["bag_z"] = pooled.z.mean(0);
  values["aem"] = -pooled.entropy.mean();
  values["diversity"] = diversity_of(pooled, weights);
}

Values gated_pool(Inputs& in) {
  const attention::GateWeights weights{in("Wv"), in("bv"), in("Wu"), in("bu"), in("ww"), in("bw")};
  const auto keep = in.mask("keep");
  Values values;
  add_pooled(values, attention::gated_pool(in("x"), weights, keep));
  // The fixture's scores are those before masking.
  values["scores"] = attention::gated_pool(in("x"), weights).scores;
  return values;
}

Values score_pool(Inputs& in) {
  Values values;
  add_pooled(values, attention::score_pool(in("scores"), in("x")));
  return values;
}

Values gate(Inputs& in) {
  const std::string combine = in.file().text("combine");
  // The coarse grid of Attention U-Net needs an up-sampling that this layer does not offer.
  if (in.file().text("theta_stride") != "1" || (combine != "add" && combine != "concat")) return {};
  const attention::AttentionGateWeights weights{in("Wg"), in("bg"), in("Wx"), in("bx"), in("wpsi").flatten(), in("bpsi")};
  const auto how = combine == "add" ? attention::GateCombine::kAdd : attention::GateCombine::kConcat;
  const attention::Gated gated = attention::attention_gate(in("g"), in("x"), weights, how, true);
  return {{"out", gated.out}, {"alpha", gated.alpha}};
}

Values computed(Inputs& in) {
  const std::string op = in.file().text("op");
  if (op == "gated_pool") return gated_pool(in);
  if (op == "score_pool") return score_pool(in);
  if (op == "gate3d") return gate(in);
  return {};
}

/// Sum over outputs of output * g.output, where every g.* has its output.
at::Tensor weighted_sum(const CaseFile& file, const Values& values) {
  at::Tensor sum;
  for (const auto& [name, value] : values) {
    if (!file.has("g." + name)) continue;
    const at::Tensor weight = file.tensor("g." + name).to(value.device(), value.scalar_type());
    const at::Tensor term = (value * weight.reshape(value.sizes())).sum();
    sum = sum.defined() ? sum + term : term;
  }
  return sum;
}

void check_gradients(const CaseFile& file, Expectations& expected, const Values& values, const Inputs& in) {
  const at::Tensor sum = weighted_sum(file, values);
  if (!sum.defined() || !sum.requires_grad()) return;
  sum.backward();
  for (const auto& [name, leaf] : in.leaves())
    expected.check("grad." + name + ".f64", {leaf.grad().defined() ? leaf.grad() : at::zeros(leaf.sizes())}, Quantity::kFloat64Gradient);
}

}  // namespace

void run_attention_case(const CaseFile& file, Expectations& expected, const RunOptions& options) {
  const auto listed = nlohmann::json::parse(file.text("max_abs_f32_error"), nullptr, false);
  Inputs exact(file, options, at::kDouble), single(file, options, at::kFloat);
  const Values in_double = computed(exact), in_single = computed(single);
  for (const auto& [name, value] : in_double) expected.check(name + ".f64", {value}, Quantity::kFloat64);
  for (const auto& [name, value] : in_single) {
    Tolerance bound = tolerance(Quantity::kFloat32);
    if (listed.is_object()) bound.absolute = std::max(bound.absolute, 4 * listed.value(name, 0.0));
    expected.check(name + ".f32", {value}, bound);
  }
  check_gradients(file, expected, in_double, exact);
  expected.close("not computed by this version");
}

}  // namespace fovea::pipeline::selftest
