// Attention of a slide's tiles as 3D Slicer shows it: a volume of one slice and a table.
#pragma once

#include <string>

#include <fovea/io/attention_file.h>
#include <fovea/io/volume.h>

namespace fovea::slicer {

/// A voxel for every `step_px` of level 0, placed in LPS millimetres from the slide's upper left corner (x to the
/// right, y down); -1 where no tile was looked at, the larger value where two tiles share a voxel.
io::Volume heatmap_volume(const io::AttentionFile& tiles, double step_px, double mpp);

/// CSV, strongest first: x_px, y_px (upper left corner, level 0), centre_x_mm, centre_y_mm, attention (mean of the
/// branches' softmax), and the drawn value under its own name.
std::string tile_table(const io::AttentionFile& tiles, double mpp);

}  // namespace fovea::slicer
