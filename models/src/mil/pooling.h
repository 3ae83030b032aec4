// Mean and max pooling of per-instance logits: what attention has to beat. mil.md 1.6.
#pragma once

#include <fovea/models/mil.h>

namespace fovea::models::mil {
MilRow mean_pooling_row();
MilRow max_pooling_row();
}  // namespace fovea::models::mil
