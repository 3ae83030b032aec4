// One set of arguments for every operator that is registered with LibTorch, and calls by name.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

namespace fovea::attention::testing_tools {

using Stack = torch::jit::Stack;

struct Sample {
  std::string name;       ///< of the operator
  std::string variant{};  ///< empty for the first sample of an operator
  std::function<Stack(at::ScalarType)> arguments;
  std::string autocast;  ///< types of the results under autocast, one letter a result: h bfloat16, f float32, b bool
};
std::vector<Sample> operator_samples();

inline std::ostream& operator<<(std::ostream& out, const Sample& sample) {
  return out << sample.name << sample.variant;
}

inline c10::OperatorHandle operator_named(const std::string& name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(("fovea::" + name).c_str(), "");
}

inline std::vector<at::Tensor> call(const std::string& name, Stack arguments) {
  operator_named(name).callBoxed(&arguments);
  std::vector<at::Tensor> results;
  for (const c10::IValue& value : arguments) results.push_back(value.toTensor());
  return results;
}

/// A copy of the arguments with `change` applied to every tensor.
inline Stack changed(const Stack& arguments, const std::function<at::Tensor(const at::Tensor&)>& change) {
  Stack copy;
  for (const c10::IValue& value : arguments) {
    if (value.isTensor()) {
      copy.emplace_back(change(value.toTensor()));
    } else if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& t : value.toTensorVector()) list.push_back(change(t));
      copy.emplace_back(list);
    } else {
      copy.push_back(value);
    }
  }
  return copy;
}

inline std::vector<at::Tensor> tensors_of(const Stack& arguments) {
  std::vector<at::Tensor> tensors;
  changed(arguments, [&](const at::Tensor& t) {
    tensors.push_back(t);
    return t;
  });
  return tensors;
}

}  // namespace fovea::attention::testing_tools
