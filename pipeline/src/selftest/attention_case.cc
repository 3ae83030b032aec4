// Single operations of the attention layer, in float64 and float32, with their gradients.
#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <nlohmann/json.hpp>

#include "selftest/attention_ops.h"

namespace fovea::pipeline::selftest {
namespace {

Values computed(Inputs& in) {
  for (const auto family : {pooling_ops, self_ops, linear_ops, volume_ops, terms_ops})
    for (const AttentionOp& op : family())
      if (op.name == in.file().text("op")) return op.compute(in);
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
    expected.check("grad." + name + ".f64", {leaf.grad().defined() ? leaf.grad() : at::zeros(leaf.sizes())},
                   Quantity::kFloat64Gradient);
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
