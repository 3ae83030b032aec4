// DSMIL (Li et al., CVPR 2021): the strongest instance of a class is its query over all. The official network with
// independent classes, and the form with a linear query that ACMIL and AEM compare with. mil.md 1.6.
#pragma once

#include <fovea/models/mil.h>

namespace fovea::models::mil {
MilRow dsmil_row();
MilRow dsmil_linear_row();
}  // namespace fovea::models::mil
