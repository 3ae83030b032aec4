// CLAM-SB and CLAM-MB (Lu et al., Nature BME 2021): gated attention of one or of C branches, and an instance loss on
// the most and least attended rows. mil.md 1.6. A training step's dropout acts behind the first layer; the official
// network has it on the gate's two activations as well.
#pragma once

#include <fovea/models/mil.h>

namespace fovea::models::mil {
MilRow clam_sb_row();
MilRow clam_mb_row();
}  // namespace fovea::models::mil
