// Surfaces: closed, of the right size, seen from the right side.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "scan/surface_mesh.h"
#include "scan/surface_render.h"
#include "support.h"

namespace fovea::gui {
namespace {

/// Signed, by the divergence theorem: positive when the normals point outwards.
double enclosed_mm3(const SurfaceMesh& mesh) {
  double sum = 0;
  for (std::size_t i = 0; i + 2 < mesh.triangles.size(); i += 3) {
    const QVector3D &a = mesh.vertices[mesh.triangles[i]], &b = mesh.vertices[mesh.triangles[i + 1]],
                    &c = mesh.vertices[mesh.triangles[i + 2]];
    sum += QVector3D::dotProduct(a, QVector3D::crossProduct(b, c)) / 6;
  }
  return sum;
}

/// V - E + F.
long euler(const SurfaceMesh& mesh) {
  std::set<std::pair<std::uint32_t, std::uint32_t>> edges;
  for (std::size_t i = 0; i + 2 < mesh.triangles.size(); i += 3)
    for (std::size_t e = 0; e < 3; ++e) {
      const auto a = mesh.triangles[i + e], b = mesh.triangles[i + (e + 1) % 3];
      edges.insert(std::minmax(a, b));
    }
  return static_cast<long>(mesh.vertices.size()) - static_cast<long>(edges.size()) +
         static_cast<long>(mesh.triangles.size() / 3);
}

SurfaceMesh ball(double radius, const std::array<double, 3>& spacing_mm, const std::array<double, 9>& direction) {
  io::Geometry geometry;
  geometry.size = {60, 60, 60}, geometry.spacing_mm = spacing_mm, geometry.direction = direction;
  const auto centre = geometry.point_lps({30, 30, 30});
  return surface_net(geometry, {0, 0, 0}, geometry.size, 1, [&](const pipeline::ViewIndex& at) {
    const auto p = geometry.point_lps({double(at[0]), double(at[1]), double(at[2])});
    return std::hypot(p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]) < radius;
  });
}

TEST(SurfaceNet, ABallIsClosedAndHasItsVolume) {
  const std::array<double, 9> oblique{0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1};
  for (const auto& spacing : {std::array<double, 3>{1, 1, 1}, std::array<double, 3>{0.7, 0.7, 2}}) {
    const SurfaceMesh mesh = ball(15, spacing, oblique);
    EXPECT_EQ(euler(mesh), 2);
    EXPECT_NEAR(enclosed_mm3(mesh) / (4.0 / 3 * M_PI * 15 * 15 * 15), 1, 0.05);
  }
}

TEST(SurfaceNet, NormalsOfABallPointOutwards) {
  const SurfaceMesh mesh = ball(12, {1, 1, 1}, {1, 0, 0, 0, 1, 0, 0, 0, 1});
  const QVector3D centre(30, 30, 30);
  for (std::size_t i = 0; i < mesh.vertices.size(); ++i)
    ASSERT_GT(QVector3D::dotProduct(mesh.normals[i], (mesh.vertices[i] - centre).normalized()), 0.9F);
}

TEST(SurfaceNet, ASingleVoxelDoesNotVanish) {
  const auto segmentation = test::boxes({5, 5, 5}, {{{2, 2, 2}, {3, 3, 3}}});
  const auto meshes = lesion_meshes(*segmentation);
  ASSERT_EQ(meshes.size(), 1u);
  EXPECT_EQ(euler(meshes[0]), 2);
  EXPECT_GT(enclosed_mm3(meshes[0]), 0.02);
  EXPECT_LT(enclosed_mm3(meshes[0]), 1.0);
  for (const QVector3D& p : meshes[0].vertices)
    for (int a = 0; a < 3; ++a) EXPECT_NEAR(p[a], 2, 0.51) << "within the voxel";
}

TEST(SurfaceNet, ALesionAtTheEdgeOfTheVolumeIsClosed) {
  const auto segmentation = test::boxes({6, 6, 6}, {{{0, 0, 0}, {3, 6, 2}}});
  const auto meshes = lesion_meshes(*segmentation);
  ASSERT_EQ(meshes.size(), 1u);
  EXPECT_EQ(euler(meshes[0]), 2);
}

TEST(HeadMesh, SpecksInAirAreNoHead) {
  const auto volume = test::volume_of({60, 60, 60}, {1, 1, 1}, [](auto i, auto j, auto k) {
    const double r = std::hypot(double(i) - 30, double(j) - 30, double(k) - 30);
    const bool speck = i >= 3 && i < 6 && j >= 3 && j < 6 && k >= 3 && k < 6;
    return r < 20 || speck ? 100 : 0;
  });
  const SurfaceMesh mesh = head_mesh(*volume);
  ASSERT_FALSE(mesh.vertices.empty());
  for (const QVector3D& p : mesh.vertices) ASSERT_LT((p - QVector3D(30, 30, 30)).length(), 24);
}

TEST(HeadMesh, VentriclesAreNotSeenFromOutside) {
  const auto volume = test::volume_of({60, 60, 60}, {1, 1, 1}, [](auto i, auto j, auto k) {
    const double r = std::hypot(double(i) - 30, double(j) - 30, double(k) - 30);
    return r < 24 && r > 10 ? 100 : 0;
  });
  const SurfaceMesh mesh = head_mesh(*volume);
  EXPECT_EQ(euler(mesh), 2) << "one closed surface";
  for (const QVector3D& p : mesh.vertices) ASSERT_GT((p - QVector3D(30, 30, 30)).length(), 15);
}

TEST(SurfaceCamera, TheFrontHasThePatientsLeftOnTheRight) {
  SurfaceCamera camera;
  const QSize size(200, 200);
  EXPECT_GT(camera.to_picture({50, 0, 0}, size).x(), 140) << "left";
  EXPECT_LT(camera.to_picture({0, 0, 50}, size).y(), 60) << "above";
  EXPECT_GT(camera.to_picture({0, -50, 0}, size).z(), 40) << "the nose points at the reader";
  camera.turn = 90;
  EXPECT_GT(camera.to_picture({50, 0, 0}, size).z(), 40) << "from the patient's left";
  camera.turn = 0, camera.tilt = 90;
  EXPECT_GT(camera.to_picture({0, 0, 50}, size).z(), 40) << "from above";
}

TEST(SurfaceRender, TheNearerLesionHidesTheOther) {
  const auto segmentation = test::boxes({40, 60, 40}, {{{15, 40, 15}, {25, 50, 25}}, {{18, 5, 18}, {22, 9, 22}}});
  const auto meshes = lesion_meshes(*segmentation);
  SurfaceCamera camera;
  camera.centre = {20, 30, 20}, camera.pixels_per_mm = 3;
  std::vector<SurfaceItem> items;
  for (const SurfaceMesh& mesh : meshes) items.push_back({&mesh, qRgb(255, 80, 40), false});
  const QSize size(160, 160);
  const SurfacePicture front = render_surfaces(items, camera, size);
  EXPECT_EQ(front.lesions[80 * 160 + 80], 1) << "the anterior one";
  EXPECT_EQ(front.lesions[70 * 160 + 70], 0) << "the larger one behind shows around it";
  EXPECT_EQ(front.lesions[0], -1);
  EXPECT_GT(qRed(front.image.pixel(80, 80)), 100);
  camera.turn = 180;
  EXPECT_EQ(render_surfaces(items, camera, size).lesions[80 * 160 + 80], 0) << "from behind";
}

}  // namespace
}  // namespace fovea::gui
