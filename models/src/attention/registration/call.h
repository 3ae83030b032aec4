// The C++ functions of the public headers call the operators that Python and saved models call.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

namespace fovea::attention::registration {

/// The operator by its registered name, typed as `like`, the function registered for it.
template <class Signature>
c10::TypedOperatorHandle<Signature> typed(const char* name, Signature* /*like*/) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

}  // namespace fovea::attention::registration
