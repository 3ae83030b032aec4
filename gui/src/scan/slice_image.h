// Pictures of one slice, a pixel a voxel: the greys with what lies over them, the labels apart.
#pragma once

#include <QImage>
#include <QLineF>
#include <QPoint>
#include <QRect>

#include <vector>

#include "scan/scan_scene.h"

namespace fovea::gui {

struct SliceImages {
  QImage grey;       ///< RGB32: sequences and colour overlay, to be scaled smoothly
  QImage labels;     ///< ARGB32 premultiplied, to be scaled without interpolation; null when nothing is to be seen
  QPoint labels_at;  ///< its top left pixel in the slice
  struct Outline {
    QRgb colour = 0;
    bool selected = false;
    std::vector<QLineF> lines;  ///< along voxel edges, in pixels of the picture
  };
  std::vector<Outline> outlines;
};

SliceImages slice_images(const ScanScene& scene, Plane plane, std::int64_t slice);

/// Values of a volume under the pixels of a slice of `base`, rows top first; NaN outside. Linear between voxels where
/// the grids differ.
std::vector<float> slice_values(const pipeline::ViewVolume& volume, const Placement& place, const SliceFrame& frame,
                                std::int64_t slice);

/// Labels under the pixels of a part of a slice, rows top first.
struct LabelPatch {
  QRect box;  ///< pixels of the slice; empty where there is nothing but background
  std::vector<std::uint8_t> labels;
};
/// Nearest voxel; 0 outside.
LabelPatch slice_labels(const pipeline::ViewSegmentation& segmentation, const Placement& place, const SliceFrame& frame,
                        std::int64_t slice);

}  // namespace fovea::gui
