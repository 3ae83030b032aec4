// Dense and neighbourhood self-attention, learned-query pooling.
#include "selftest/attention_ops.h"

namespace fovea::pipeline::selftest {

std::span<const AttentionOp> self_ops() { return {}; }

}  // namespace fovea::pipeline::selftest
