// Every operator registered with LibTorch, from one table of arguments: shapes without data, aliasing, gradients,
// strides, autocast, and the signatures as they were promised.
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>

#include "attention/registration/schema.h"
#include "attention_checks.h"
#include "operator_samples.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

bool floating(const at::Tensor& t) {
  return t.is_floating_point();
}

/// Equal bits, NaN included.
bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() && at::allclose(a, b, 0, 0, true);
}

void expect_same_kind(const at::Tensor& shape, const at::Tensor& real) {
  EXPECT_TRUE(shape.is_meta());
  EXPECT_EQ(shape.sizes(), real.sizes());
  EXPECT_EQ(shape.strides(), real.strides());
  EXPECT_EQ(shape.scalar_type(), real.scalar_type());
}

at::Tensor to_meta(const at::Tensor& t) {
  return t.to(at::kMeta);
}

/// A fixed weighted sum of everything that is differentiable; a log-sum-exp of nothing is left out.
at::Tensor summed(const std::string& name, const Stack& arguments) {
  at::Tensor total = at::zeros({}, at::kDouble);
  double phase = 1;
  for (const at::Tensor& result : call(name, arguments)) {
    if (!floating(result) || result.numel() == 0) continue;
    const at::Tensor factors = (at::arange(result.numel(), at::kDouble) + phase++).cos().view(result.sizes());
    total = total + (result * factors).masked_fill(result.isinf(), 0.0).sum();
  }
  return total;
}

class Operators : public testing::TestWithParam<Sample> {
 protected:
  void SetUp() override { at::manual_seed(41); }
};

TEST_P(Operators, ShapesWithoutDataAreTheRealOnes) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const Stack arguments = GetParam().arguments(type);
    const auto real = call(GetParam().name, arguments), shapes = call(GetParam().name, changed(arguments, to_meta));
    ASSERT_EQ(real.size(), shapes.size());
    for (std::size_t i = 0; i < real.size(); ++i) expect_same_kind(shapes[i], real[i]);
  }
}

TEST_P(Operators, ResultsAreTheirOwnAndRepeatable) {
  const Stack arguments = GetParam().arguments(at::kFloat);
  const auto before = tensors_of(changed(arguments, [](const at::Tensor& t) { return t.clone(); }));
  const auto results = call(GetParam().name, arguments), again = call(GetParam().name, arguments);
  std::set<const void*> storages;
  for (const at::Tensor& t : tensors_of(arguments)) storages.insert(t.storage().data());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const bool own = results[i].numel() == 0 || storages.insert(results[i].storage().data()).second;
    EXPECT_TRUE(own) << "result " << i;
    EXPECT_TRUE(same_bits(results[i], again[i])) << "result " << i;
  }
  const auto after = tensors_of(arguments);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(same_bits(before[i], after[i])) << "argument " << i;
}

TEST_P(Operators, GradientsEqualFiniteDifferences) {
  const Stack arguments = GetParam().arguments(at::kDouble);
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& t : tensors_of(arguments))
    if (floating(t)) leaves.push_back(t);
  expect_gradients(
      leaves, [&] { return summed(GetParam().name, arguments); }, 2e-6);
}

TEST_P(Operators, TheReferenceGivesTheSameGradients) {
  const Stack arguments = GetParam().arguments(at::kDouble);
  std::vector<at::Tensor> leaves;
  for (at::Tensor t : tensors_of(arguments))
    if (floating(t)) leaves.push_back(t.set_requires_grad(true));
  const auto native = torch::autograd::grad({summed(GetParam().name, arguments)}, leaves);
  const BackendScope scope(Backend::kReference);
  const auto reference = torch::autograd::grad({summed(GetParam().name, arguments)}, leaves);
  for (std::size_t i = 0; i < leaves.size(); ++i)
    EXPECT_TRUE(at::allclose(native[i], reference[i], 1e-10, 1e-10)) << "leaf " << i;
}

TEST_P(Operators, StridesDoNotMatter) {
  const Stack arguments = GetParam().arguments(at::kDouble);
  const auto strided = [](const at::Tensor& t) { return at::stack({t, t}, -1).select(-1, 0); };
  const auto dense = call(GetParam().name, arguments), other = call(GetParam().name, changed(arguments, strided));
  for (std::size_t i = 0; i < dense.size(); ++i)
    EXPECT_TRUE(at::allclose(dense[i].to(at::kDouble), other[i].to(at::kDouble), 1e-12, 1e-12)) << "result " << i;
}

TEST_P(Operators, BackwardIsAnOperatorAndHoldsOnlyArguments) {
  const Stack arguments = GetParam().arguments(at::kFloat);
  std::set<std::shared_ptr<torch::autograd::Node>> leaves;
  for (at::Tensor t : tensors_of(arguments)) {
    if (!floating(t)) continue;
    t.set_requires_grad(true);
    leaves.insert(torch::autograd::impl::grad_accumulator(t));
  }
  for (const at::Tensor& result : call(GetParam().name, arguments)) {
    if (!floating(result)) continue;
    ASSERT_TRUE(result.grad_fn());
    for (const auto& edge : result.grad_fn()->next_edges())
      EXPECT_TRUE(!edge.is_valid() || leaves.contains(edge.function)) << edge.function->name();
  }
}

TEST_P(Operators, AutocastLowersValuesAndKeepsStatistics) {
  const Stack arguments = GetParam().arguments(at::kFloat);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto results = call(GetParam().name, arguments);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  std::string types;
  for (const at::Tensor& t : results)
    types += t.scalar_type() == at::kBFloat16 ? 'h' : t.scalar_type() == at::kFloat ? 'f' : 'b';
  EXPECT_EQ(types, GetParam().autocast);
}

TEST_P(Operators, MixedPrecisionIsComputedInTheWiderType) {
  const Stack narrow = GetParam().arguments(at::kBFloat16);
  const auto widened = [](const at::Tensor& t) { return floating(t) ? t.to(at::kFloat) : t; };
  const auto results = call(GetParam().name, narrow), wide = call(GetParam().name, changed(narrow, widened));
  for (std::size_t i = 0; i < wide.size(); ++i)
    EXPECT_TRUE(at::allclose(results[i].to(at::kFloat), wide[i].to(at::kFloat), 1e-2, 1e-2)) << "result " << i;
}

TEST_P(Operators, ASecondDerivativeIsRefused) {
  const Stack arguments = GetParam().arguments(at::kDouble);
  std::vector<at::Tensor> leaves;
  for (at::Tensor t : tensors_of(arguments))
    if (floating(t)) leaves.push_back(t.set_requires_grad(true));
  const auto first = torch::autograd::grad({summed(GetParam().name, arguments)}, leaves, {}, true, true);
  at::Tensor sum = at::zeros({}, at::kDouble);
  for (const at::Tensor& gradient : first) sum = sum + gradient.square().sum();
  try {
    torch::autograd::grad({sum}, leaves);
    ADD_FAILURE() << "no error";
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find("second derivatives are not implemented"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Operators, testing::ValuesIn(operator_samples()),
                         [](const auto& tested) { return tested.param.name + tested.param.variant; });

TEST(OperatorTable, EveryOperatorHasASample) {
  std::set<std::string> sampled;
  for (const Sample& sample : operator_samples()) sampled.insert(sample.name);
  for (const auto& op : registration::operators()) EXPECT_TRUE(sampled.contains(std::string(op.name()))) << op.name();
}

TEST(OperatorTable, SignaturesAreThoseThatSavedModelsRelyOn) {
  std::ostringstream now;
  for (const auto& op : registration::operators())
    now << registration::forward_of(op).schema() << '\n' << registration::backward_of(op).schema() << '\n';
  std::ifstream file(FOVEA_OPERATOR_SCHEMAS);
  std::ostringstream kept;
  kept << file.rdbuf();
  EXPECT_EQ(now.str(), kept.str()) << "A signature may only grow, by arguments with defaults; then renew "
                                   << FOVEA_OPERATOR_SCHEMAS;
}

TEST(OperatorTable, ABackEndThatCannotRunIsAnError) {
  const BackendScope scope(Backend::kCuda);
  expect_error(fovea::ErrorCode::kDevice, [] { score_pool(at::zeros({1, 2}), at::zeros({2, 3})); });
}

TEST(OperatorTable, UnknownNamesAreErrorsThatListTheKnownOnes) {
  at::manual_seed(43);
  Stack arguments = operator_samples().back().arguments(at::kFloat);
  arguments.back() = "sideways";
  expect_error(fovea::ErrorCode::kUsage, [&] { call("dual_channel", arguments); });
}

}  // namespace
