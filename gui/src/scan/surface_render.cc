#include "scan/surface_render.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fovea::gui {
namespace {

constexpr float kAmbient = 0.28F, kDiffuse = 0.72F, kShine = 0.35F;
constexpr float kGlassMiddle = 0.15F, kGlassRim = 0.70F;
constexpr QRgb kGlass = 0xFFA9B8C9;
constexpr float kFar = -std::numeric_limits<float>::infinity();

/// A mesh's corner in the picture, with how squarely it faces the reader.
struct Corner {
  float x = 0, y = 0, z = 0, facing = 0;
};

class Raster {
 public:
  Raster(const QSize& size) : width_(size.width()), height_(size.height()) {
    const std::size_t pixels = static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_);
    solid_depth.assign(pixels, kFar), glass_depth.assign(pixels, kFar), glass_facing.assign(pixels, 0);
    colour.assign(pixels, 0xFF000000), lesion.assign(pixels, -1);
  }

  template <class Put>
  void triangle(const Corner& a, const Corner& b, const Corner& c, const Put& put) {
    const float area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    if (!(std::abs(area) > 1e-9F)) return;
    // Pixel centres within the triangle's box; the weights change by constants from one to the next.
    const int x0 = std::max(0, static_cast<int>(std::ceil(std::min({a.x, b.x, c.x}) - 0.5F))),
              x1 = std::min(width_ - 1, static_cast<int>(std::floor(std::max({a.x, b.x, c.x}) - 0.5F))),
              y0 = std::max(0, static_cast<int>(std::ceil(std::min({a.y, b.y, c.y}) - 0.5F))),
              y1 = std::min(height_ - 1, static_cast<int>(std::floor(std::max({a.y, b.y, c.y}) - 0.5F)));
    if (x0 > x1 || y0 > y1) return;
    const float inverse = 1 / area, step_a = (b.y - c.y) * inverse, step_b = (c.y - a.y) * inverse;
    for (int y = y0; y <= y1; ++y) {
      const float px = static_cast<float>(x0) + 0.5F, py = static_cast<float>(y) + 0.5F;
      float wa = ((b.x - px) * (c.y - py) - (b.y - py) * (c.x - px)) * inverse;
      float wb = ((c.x - px) * (a.y - py) - (c.y - py) * (a.x - px)) * inverse;
      std::size_t pixel = static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x0);
      for (int x = x0; x <= x1; ++x, ++pixel, wa += step_a, wb += step_b) {
        const float wc = 1 - wa - wb;
        if (wa < 0 || wb < 0 || wc < 0) continue;
        put(pixel, wa * a.z + wb * b.z + wc * c.z, wa * a.facing + wb * b.facing + wc * c.facing);
      }
    }
  }

  std::vector<float> solid_depth, glass_depth, glass_facing;
  std::vector<QRgb> colour;
  std::vector<int> lesion;

 private:
  int width_, height_;
};

QRgb lit(QRgb colour, float facing) {
  const float towards = std::max(facing, 0.0F);
  const float light = kAmbient + kDiffuse * towards, shine = kShine * std::pow(towards, 24.0F);
  const auto part = [&](int value) {
    return static_cast<int>(std::min(255.0F, static_cast<float>(value) * light + 255 * shine));
  };
  return qRgb(part(qRed(colour)), part(qGreen(colour)), part(qBlue(colour)));
}

QRgb through_glass(QRgb behind, float facing) {
  const float rim = 1 - std::clamp(facing, 0.0F, 1.0F);
  const float alpha = kGlassMiddle + kGlassRim * rim * rim * rim;
  const auto part = [&](int below, int above) {
    return static_cast<int>(static_cast<float>(below) * (1 - alpha) + static_cast<float>(above) * alpha);
  };
  return qRgb(part(qRed(behind), qRed(kGlass)), part(qGreen(behind), qGreen(kGlass)),
              part(qBlue(behind), qBlue(kGlass)));
}

std::vector<Corner> projected(const SurfaceMesh& mesh, const SurfaceCamera& camera, const QSize& size) {
  const QMatrix4x4 rotation = camera.rotation();
  std::vector<Corner> corners(mesh.vertices.size());
  for (std::size_t i = 0; i < corners.size(); ++i) {
    const QVector3D p = rotation.map(mesh.vertices[i] - camera.centre) * static_cast<float>(camera.pixels_per_mm);
    corners[i] = {static_cast<float>(size.width()) / 2 + p.x(), static_cast<float>(size.height()) / 2 + p.y(), p.z(),
                  rotation.mapVector(mesh.normals[i]).z()};
  }
  return corners;
}

}  // namespace

QMatrix4x4 SurfaceCamera::rotation() const {
  // From the front, the patient's left (+x) is on the right, superior (+z) above, anterior (-y) towards the reader.
  const QMatrix4x4 front(1, 0, 0, 0, 0, 0, -1, 0, 0, -1, 0, 0, 0, 0, 0, 1);
  QMatrix4x4 turned;
  turned.rotate(static_cast<float>(-tilt), 1, 0, 0);
  turned.rotate(static_cast<float>(-turn), 0, 1, 0);
  return turned * front;
}

QVector3D SurfaceCamera::to_picture(const QVector3D& lps, const QSize& size) const {
  const QVector3D p = rotation().map(lps - centre) * static_cast<float>(pixels_per_mm);
  return {static_cast<float>(size.width()) / 2 + p.x(), static_cast<float>(size.height()) / 2 + p.y(), p.z()};
}

SurfacePicture render_surfaces(const std::vector<SurfaceItem>& items, const SurfaceCamera& camera, const QSize& size) {
  Raster raster(size);
  for (const SurfaceItem& item : items) {
    const std::vector<Corner> corners = projected(*item.mesh, camera, size);
    const auto& t = item.mesh->triangles;
    for (std::size_t i = 0; i + 2 < t.size(); i += 3) {
      const Corner &a = corners[t[i]], &b = corners[t[i + 1]], &c = corners[t[i + 2]];
      if (a.facing <= 0 && b.facing <= 0 && c.facing <= 0) continue;  // its back: hidden by its front
      if (item.glass) {
        raster.triangle(a, b, c, [&](std::size_t pixel, float depth, float facing) {
          if (depth > raster.glass_depth[pixel]) raster.glass_depth[pixel] = depth, raster.glass_facing[pixel] = facing;
        });
      } else {
        raster.triangle(a, b, c, [&](std::size_t pixel, float depth, float facing) {
          if (depth <= raster.solid_depth[pixel]) return;
          raster.solid_depth[pixel] = depth;
          raster.colour[pixel] = lit(item.colour, facing);
          raster.lesion[pixel] = item.mesh->lesion;
        });
      }
    }
  }
  SurfacePicture picture{QImage(size, QImage::Format_RGB32), {}};
  for (int y = 0; y < size.height(); ++y) {
    auto* row = reinterpret_cast<QRgb*>(picture.image.scanLine(y));
    for (int x = 0; x < size.width(); ++x) {
      const std::size_t pixel =
          static_cast<std::size_t>(y) * static_cast<std::size_t>(size.width()) + static_cast<std::size_t>(x);
      const bool glass = raster.glass_depth[pixel] > raster.solid_depth[pixel];
      row[x] = glass ? through_glass(raster.colour[pixel], raster.glass_facing[pixel]) : raster.colour[pixel];
    }
  }
  picture.lesions = std::move(raster.lesion);
  return picture;
}

}  // namespace fovea::gui
