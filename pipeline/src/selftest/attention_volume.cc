// Coarse gates, dual and modality attention, split states.
#include "selftest/attention_ops.h"

namespace fovea::pipeline::selftest {

std::span<const AttentionOp> volume_ops() {
  return {};
}

}  // namespace fovea::pipeline::selftest
