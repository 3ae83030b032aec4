// Surfaces of lesions and of the head as triangles in LPS mm, by surface nets: one vertex in every cell that the
// outline crosses, then smoothed within its cell, so that a lesion of one voxel stays and no step of the grid is left.
#pragma once

#include <QVector3D>

#include <cstdint>
#include <functional>
#include <stop_token>
#include <vector>

#include <fovea/pipeline/volume_view.h>

namespace fovea::gui {

struct SurfaceMesh {
  std::vector<QVector3D> vertices, normals;  ///< LPS mm, normals outwards
  std::vector<std::uint32_t> triangles;      ///< three indices each
  int lesion = -1;                           ///< position in the segmentation; -1: the head
  int label = 0;
};

/// `inside` is asked within [begin, end) of a grid with this geometry, every `stride`-th voxel; all else is outside.
SurfaceMesh surface_net(const io::Geometry& geometry, const pipeline::ViewIndex& begin, const pipeline::ViewIndex& end,
                        int stride, const std::function<bool(const pipeline::ViewIndex&)>& inside);

/// One mesh a lesion; lesions without voxels are passed over. Large ones are sampled more coarsely.
std::vector<SurfaceMesh> lesion_meshes(const pipeline::ViewSegmentation& segmentation,
                                       const std::stop_token& stop = {});

/// The outside of what is brighter than air, on a coarse grid: where the lesions lie, not an anatomy.
SurfaceMesh head_mesh(const pipeline::ViewVolume& volume, const std::stop_token& stop = {});

}  // namespace fovea::gui
