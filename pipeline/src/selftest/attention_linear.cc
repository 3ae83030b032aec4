// Linear, decayed and block-sparse attention.
#include "selftest/attention_ops.h"

namespace fovea::pipeline::selftest {

std::span<const AttentionOp> linear_ops() {
  return {};
}

}  // namespace fovea::pipeline::selftest
