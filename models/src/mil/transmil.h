// TransMIL (Shao et al., NeurIPS 2021): a class token and the instances, folded to a square, through two layers of
// Nystrom attention with convolutions between them. The order of the instances matters. mil.md 1.6.
//
// Its attention maps are ours: the weights that the class token gives the instances in the last layer, copies that
// filled the square added to their originals. attn_raw holds them as they are, some negative; attn_softmax without the
// negative ones, scaled to sum 1. Neither takes a gradient.
#pragma once

#include <fovea/models/mil.h>

namespace fovea::models::mil {
MilRow transmil_row();
}
