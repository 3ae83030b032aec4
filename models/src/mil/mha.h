// AEM's MHA: one learned query with eight heads, one head of classes. mil.md 1.5, arXiv 2406.15303.
#pragma once

#include <fovea/models/mil.h>

namespace fovea::models::mil {
MilRow mha_row();
}
