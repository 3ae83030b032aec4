// The slide transformer as a row of the registry.
#pragma once

#include <fovea/models/mil.h>

namespace fovea::models::mil {

MilRow slide_transformer_row();

}  // namespace fovea::models::mil
