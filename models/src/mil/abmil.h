// Attention-based MIL (Ilse et al. 2018) in the form of AEM's ABMIL: one branch, one head. mil.md 1.3.
#pragma once

#include <fovea/models/mil.h>

namespace fovea::models::mil {
MilRow abmil_row();
}
