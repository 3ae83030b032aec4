// Training terms and diagnostics.
#include "selftest/attention_ops.h"

namespace fovea::pipeline::selftest {

std::span<const AttentionOp> terms_ops() {
  return {};
}

}  // namespace fovea::pipeline::selftest
