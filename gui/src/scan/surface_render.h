// Triangles to a picture by a z-buffer: no graphics driver is asked, so it is the same everywhere.
#pragma once

#include <QImage>
#include <QMatrix4x4>

#include <vector>

#include "scan/surface_mesh.h"

namespace fovea::gui {

/// From the patient's space to the picture: parallel projection, x to the right, y down, z towards the reader, pixels.
struct SurfaceCamera {
  double turn = 0;  ///< degrees about the body's long axis; 0: from the front, 90: from the patient's left
  double tilt = 0;  ///< degrees; 90: from above
  double pixels_per_mm = 1;
  QVector3D centre;  ///< LPS mm, in the picture's middle

  QMatrix4x4 rotation() const;
  QVector3D to_picture(const QVector3D& lps, const QSize& size) const;
};

struct SurfaceItem {
  const SurfaceMesh* mesh = nullptr;
  QRgb colour = 0;
  bool glass = false;  ///< seen through, brighter at its rim
};

struct SurfacePicture {
  QImage image;              ///< RGB32
  std::vector<int> lesions;  ///< of the pixel, rows top first; -1 for none
};

SurfacePicture render_surfaces(const std::vector<SurfaceItem>& items, const SurfaceCamera& camera, const QSize& size);

}  // namespace fovea::gui
