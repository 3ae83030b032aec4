// What the tests of segmentation networks share: seeded numbers, distances, and gradients along a direction.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/rand.h>

#include <fovea/models/segmentation.h>

namespace fovea::models::testing_tools {

inline at::Tensor random(at::IntArrayRef shape, std::uint64_t seed = 1, at::ScalarType type = at::kFloat) {
  return at::rand(shape, at::make_generator<at::CPUGeneratorImpl>(seed), type);
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a - b).abs().max().item<double>();
}

/// Weights as after training: no norm is trivial, and attentions that start at 0 count.
inline StateDict lively_state(const SegConfig& config, std::uint64_t seed = 7) {
  StateDict state = random_state(seg_model(config.architecture).specs(config), seed);
  for (auto& [name, tensor] : state) {
    const at::Tensor noise = random(tensor.sizes(), seed + std::hash<std::string>()(name));
    if (name.ends_with("running_var") || name.ends_with("gamma") ||
        (name.find("bn") != std::string::npos && name.ends_with(".weight"))) {
      tensor.copy_(noise + 0.5);
    } else if (name.ends_with("running_mean") || name.ends_with(".bias")) {
      tensor.copy_(noise - 0.5);
    }
  }
  return state;
}

/// Central differences of `loss` along one random direction of every parameter, in double precision.
inline void expect_slopes(const std::vector<std::pair<std::string, at::Tensor>>& parameters,
                          const std::function<at::Tensor()>& loss) {
  for (const auto& [name, parameter] : parameters) parameter.requires_grad_(true);
  loss().backward();
  for (const auto& [name, parameter] : parameters) {
    ASSERT_TRUE(parameter.grad().defined()) << name;
    const at::NoGradGuard no_grad;
    const at::Tensor direction = random(parameter.sizes(), 11, at::kDouble) - 0.5;
    constexpr double kStep = 1e-6;
    parameter.add_(direction, kStep);
    const double above = loss().item<double>();
    parameter.add_(direction, -2 * kStep);
    const double below = loss().item<double>();
    parameter.add_(direction, kStep);
    const double truth = (above - below) / (2 * kStep), analytic = (parameter.grad() * direction).sum().item<double>();
    EXPECT_NEAR(analytic, truth, 1e-6 + 1e-5 * std::abs(truth)) << name;
  }
}

/// Of a network's trained tensors.
inline void expect_slopes(const SegNetwork& network, const std::function<at::Tensor()>& loss) {
  std::vector<std::pair<std::string, at::Tensor>> parameters;
  for (const TensorSpec& spec : network.specs())
    if (!spec.is_buffer()) parameters.emplace_back(spec.name, network.state().at(spec.name));
  expect_slopes(parameters, loss);
}

}  // namespace fovea::models::testing_tools
