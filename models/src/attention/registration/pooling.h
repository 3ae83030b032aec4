// What the pooling operators and their backward share.
#pragma once

#include <ATen/TensorOperators.h>

#include <fovea/models/attention.h>

#include "attention/minus_infinity.h"
#include "attention/registration/kernel.h"

namespace fovea::attention::registration {

inline GateWeights gate_weights(const at::Tensor& wv, const at::Tensor& bv, const OptionalTensor& wu,
                                const OptionalTensor& bu, const at::Tensor& w, const at::Tensor& b) {
  if (or_undefined(wu).defined() != or_undefined(bu).defined())
    throw Error(ErrorCode::kShape, "attention pooling", "the sigmoid path has weights or a bias alone",
                "Give both, or neither for ungated scores.");
  return {wv, bv, or_undefined(wu), or_undefined(bu), w, b};
}

/// Scores in float32 at least, with `fill` (-inf when absent) where `keep` drops them.
inline at::Tensor masked_scores(const at::Tensor& s, const OptionalTensor& keep, c10::optional<double> fill) {
  const at::Tensor scores = s.to(Types(s).computed());
  return keep ? scores.masked_fill(keep->logical_not(), fill.value_or(kMinusInfinity)) : scores;
}

}  // namespace fovea::attention::registration
