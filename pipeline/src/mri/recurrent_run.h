// A recurrent network over whichever modalities there are: probability, and how it came to it, on the reference grid.
#pragma once

#include "mri/segmentation.h"

namespace fovea::pipeline::mri {

/// `input.volumes`: one a modality of the model, on the grid of the reference; those whose modality is absent hold no
/// values. The others are freed but for the reference's. Errors as `segment`.
Segmentation segment_recurrent(SegmentationInput& input, const SegmentationModel& model,
                               const SegmentationSettings& settings, ProgressMeter& meter);

}  // namespace fovea::pipeline::mri
