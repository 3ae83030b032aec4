// ACMIL with learned-query attention: K queries of eight heads, a head of classes each, and a slide head on their mean
// attention. mil.md 1.5, arXiv 2311.07125.
#pragma once

#include <fovea/models/mil.h>

namespace fovea::models::mil {
MilRow acmil_mha_row();
}
