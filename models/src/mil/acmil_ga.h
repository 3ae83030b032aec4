// ACMIL with gated attention: K branches over one bag, a head each, and a slide head on their mean. mil.md 1.4, arXiv
// 2311.07125.
#pragma once

#include <fovea/models/mil.h>

namespace fovea::models::mil {
MilRow acmil_ga_row();
}
