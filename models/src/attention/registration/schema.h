// The operators that Fovea registers with LibTorch: names, argument order (reference/attention.md section 8) and what
// the parts of registration have to know of them. An operator X has a companion
//   X_backward(Tensor? grad_<output>.., <arguments of X>, <kept outputs>, bool[] needs) -> Tensor[]
// `needs` has an entry for every tensor argument (a list: for every member), false where an optional one is absent; the
// result holds one gradient for every true entry, in order.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/function_schema.h>

namespace fovea::attention::registration {

struct Operator {
  const char* schema;
  std::string_view constant{};  ///< outputs without a gradient, names with spaces between
  std::string_view kept{};      ///< outputs that a backward of its own wants again
  bool own_backward = false;    ///< on the CPU; otherwise X is run again, with a graph

  std::string_view name() const;
};

std::span<const Operator> operators();
/// The operator that a registered name, "fovea::X" or "fovea::X_backward", belongs to.
const Operator& operator_of(std::string_view registered);

c10::OperatorHandle forward_of(const Operator& op);
c10::OperatorHandle backward_of(const Operator& op);

bool holds_tensors(const c10::Argument& argument);           ///< Tensor, Tensor? or Tensor[]
bool listed(std::string_view names, std::string_view name);  ///< names with spaces between

}  // namespace fovea::attention::registration
