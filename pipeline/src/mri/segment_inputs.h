// From the command's files to the volumes a network takes: read, told apart, brought onto one grid.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mri/modalities.h"
#include "mri/report.h"
#include "mri/segment_options.h"
#include "mri/segmentation.h"

namespace fovea::pipeline::mri {

struct SegmentInputs {
  SegmentationInput input;
  std::vector<InputFacts> facts;     ///< of the files, as read
  std::vector<Modality> modalities;  ///< empty when volumes were given by position
  std::filesystem::path source;      ///< the file or folder of the reference
  std::string series;                ///< and its series there, as VolumeReadOptions takes it
  std::vector<std::string> notices;
};

/// Covers the stages from `from` to `to` of the meter. Error(kUsage) for modalities that the model does not know, or
/// that are given twice, and for missing ones when its network needs all; Error(kUnsupported) for a label map in the
/// place of a scan.
SegmentInputs read_segment_inputs(const SegmentOptions& options, const SegmentationModel& model, ProgressMeter& meter,
                                  double from, double to);

/// The mask that a model trained on the brain alone needs: from a file, or found in the reference as --brain-mask says.
/// Nothing, with `whole_head` set, where none is wanted or none can be believed. Error(kCorrupt) for a file that is no
/// mask.
std::optional<io::Volume> brain_mask_for(const SegmentationInput& input, const SegmentOptions& options,
                                         ProgressMeter& meter, bool& whole_head, std::vector<std::string>& notices);

/// At most 8 different values, all whole: an outline, not a scan.
bool looks_like_labels(const io::Volume& volume);

}  // namespace fovea::pipeline::mri
