// What stands between the dispatcher and an operator's own code: the forced back end, and precision.
#pragma once

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>
#include <c10/util/Optional.h>

#include <fovea/base/error.h>

#include "attention/ops/path.h"

namespace fovea::attention::registration {

using OptionalTensor = c10::optional<at::Tensor>;

/// Error when FOVEA_ATTENTION_BACKEND forces a back end that cannot work on this tensor.
void check_backend(const at::Tensor& tensor);

/// The types of one call. Everything is computed in the widest floating type given, float32 at least; results that are
/// values come in the type of the first floating tensor, statistics (scores, log-sum-exps) in the type computed in.
class Types {
 public:
  /// Undefined and integer tensors count for nothing, nor does what is no tensor.
  template <class... Arguments>
  explicit Types(const Arguments&... arguments) {
    (see(arguments), ...);
  }
  at::ScalarType value() const { return value_; }
  at::ScalarType computed() const { return computed_; }

  at::Tensor given(const at::Tensor& t) const { return to(t, computed_); }
  OptionalTensor given(const OptionalTensor& t) const {
    return t && t->defined() ? to(*t, computed_) : OptionalTensor();
  }
  std::vector<at::Tensor> given(const at::TensorList& list) const {
    std::vector<at::Tensor> all;
    for (const at::Tensor& t : list) all.push_back(given(t));
    return all;
  }
  template <class Other>
  const Other& given(const Other& other) const {
    return other;
  }

  /// Results are contiguous, as Meta promises.
  at::Tensor result(const at::Tensor& t, bool is_value) const { return (is_value ? to(t, value_) : t).contiguous(); }

 private:
  static at::Tensor to(const at::Tensor& t, at::ScalarType type) {
    return t.defined() && t.is_floating_point() && t.scalar_type() != type ? t.to(type) : t;
  }
  void see(const at::Tensor& t) {
    if (!t.defined() || !t.is_floating_point()) return;
    if (value_ == at::ScalarType::Undefined) value_ = t.scalar_type();
    if (t.scalar_type() == at::kDouble) computed_ = at::kDouble;
  }
  void see(const OptionalTensor& t) {
    if (t) see(*t);
  }
  void see(const at::TensorList& list) {
    for (const at::Tensor& t : list) see(t);
  }
  template <class Other>
  void see(const Other&) {}

  at::ScalarType value_ = at::ScalarType::Undefined, computed_ = at::kFloat;
};

inline const at::Tensor& first_of(const at::Tensor& t) {
  return t;
}
inline const at::Tensor& first_of(const at::TensorList& list) {
  if (list.empty()) throw Error(ErrorCode::kShape, "attention", "there is no tensor in a list", "Give at least one.");
  return list.front();
}

/// `run` as a kernel for CPU and CUDA; it has the operator's own signature. `values`: how many of the results, from the
/// first on, are values; `like`: the argument whose type they have; `narrow`: the native CPU path reads narrow types
/// as they are.
template <auto run, std::size_t values, std::size_t like = 0, bool narrow = false, class Signature = decltype(run)>
struct Kernel;
template <auto run, std::size_t values, std::size_t like, bool narrow, class Result, class First, class... Rest>
struct Kernel<run, values, like, narrow, Result (*)(First, Rest...)> {
  static Result call(First first, Rest... rest) {
    check_backend(first_of(first));
    const Types types(std::get<like>(std::tie(first, rest...)), first, rest...);
    if (narrow && ops::takes_native(first_of(first))) return results(types, run(first, rest...));
    return results(types, run(types.given(first), types.given(rest)...));
  }

 private:
  static at::Tensor results(const Types& types, const at::Tensor& t) { return types.result(t, values > 0); }
  template <class... Tensors>
  static std::tuple<Tensors...> results(const Types& types, const std::tuple<Tensors...>& all) {
    return [&]<std::size_t... i>(std::index_sequence<i...>) {
      return std::tuple<Tensors...>{types.result(std::get<i>(all), i < values)...};
    }
    (std::index_sequence_for<Tensors...>());
  }
};

/// The tensor that an operator's code means by an absent argument.
inline at::Tensor or_undefined(const OptionalTensor& t) {
  return t ? *t : at::Tensor();
}
/// The other way round.
inline OptionalTensor or_none(const at::Tensor& t) {
  return t.defined() ? OptionalTensor(t) : OptionalTensor();
}

}  // namespace fovea::attention::registration
