#include "scan/surface_mesh.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fovea::gui {
namespace {

using pipeline::ViewIndex;

constexpr int kRelaxations = 8, kHeadRelaxations = 20;
constexpr float kSmooth = 0.5F, kInflate = -0.53F;  // Taubin's pair
const QVector3D kMiddle(0.5F, 0.5F, 0.5F);
constexpr std::int64_t kMaxCells = 4'000'000;
constexpr double kHeadVoxelMm = 4;

/// Voxel centres at whole numbers, one layer of outside all around; cell (x, y, z) lies between x and x + 1.
class NetBuilder {
 public:
  NetBuilder(const ViewIndex& size, std::vector<std::uint8_t> inside) : inside_(std::move(inside)) {
    for (std::size_t a = 0; a < 3; ++a) size_[a] = size[a], cells_[a] = size[a] - 1;
    vertex_of_.assign(static_cast<std::size_t>(cells_[0] * cells_[1] * cells_[2]), -1);
  }

  void build(int relaxations) {
    place_vertices();
    join_quads();
    relax(relaxations);
  }

  std::vector<QVector3D> positions;
  std::vector<std::array<std::int32_t, 4>> quads;

 private:
  std::size_t voxel(std::int64_t x, std::int64_t y, std::int64_t z) const {
    return static_cast<std::size_t>((z * size_[1] + y) * size_[0] + x);
  }
  std::size_t cell(std::int64_t x, std::int64_t y, std::int64_t z) const {
    return static_cast<std::size_t>((z * cells_[1] + y) * cells_[0] + x);
  }

  /// In the middle of every cell that the outline crosses.
  void place_vertices() {
    for (std::int64_t z = 0; z < cells_[2]; ++z)
      for (std::int64_t y = 0; y < cells_[1]; ++y)
        for (std::int64_t x = 0; x < cells_[0]; ++x) {
          int count = 0;
          for (int c = 0; c < 8; ++c) count += inside_[voxel(x + (c & 1), y + (c >> 1 & 1), z + (c >> 2))] != 0;
          if (count == 0 || count == 8) continue;
          vertex_of_[cell(x, y, z)] = static_cast<std::int32_t>(positions.size());
          positions.push_back(QVector3D(static_cast<float>(x), static_cast<float>(y), static_cast<float>(z)) + kMiddle);
        }
  }

  /// A quad about every lattice edge that crosses the outline, seen from outside counter-clockwise.
  void join_quads() {
    for (std::int64_t z = 0; z < cells_[2]; ++z)
      for (std::int64_t y = 0; y < cells_[1]; ++y)
        for (std::int64_t x = 0; x < cells_[0]; ++x) {
          const std::int64_t at[3] = {x, y, z};
          for (int a = 0; a < 3; ++a) {
            if (at[(a + 1) % 3] == 0 || at[(a + 2) % 3] == 0) continue;  // within the layer of outside
            std::int64_t next[3] = {x, y, z};
            ++next[a];
            const bool here = inside_[voxel(x, y, z)] != 0, there = inside_[voxel(next[0], next[1], next[2])] != 0;
            if (here != there) quad(at, a, here);
          }
        }
  }

  void quad(const std::int64_t (&at)[3], int axis, bool outwards) {
    const int b = (axis + 1) % 3, c = (axis + 2) % 3;
    std::array<std::int32_t, 4> corners{};
    constexpr int kRound[4][2] = {{-1, -1}, {0, -1}, {0, 0}, {-1, 0}};
    for (std::size_t i = 0; i < 4; ++i) {
      std::int64_t place[3] = {at[0], at[1], at[2]};
      place[b] += kRound[i][0], place[c] += kRound[i][1];
      corners[i] = vertex_of_[cell(place[0], place[1], place[2])];
    }
    if (!outwards) std::reverse(corners.begin(), corners.end());
    quads.push_back(corners);
  }

  /// Towards the neighbours' mean and nearly as far back: steps of the grid go, the volume stays. Never out of the
  /// cell.
  void relax(int rounds) {
    const std::vector<QVector3D> middle = positions;
    std::vector<QVector3D> sum(positions.size());
    std::vector<float> count(positions.size());
    for (int round = 0; round < 2 * rounds; ++round) {
      std::fill(sum.begin(), sum.end(), QVector3D());
      std::fill(count.begin(), count.end(), 0.0F);
      for (const auto& quad : quads)
        for (std::size_t i = 0; i < 4; ++i) {
          const auto from = static_cast<std::size_t>(quad[i]), to = static_cast<std::size_t>(quad[(i + 1) % 4]);
          sum[from] += positions[to], count[from] += 1;
          sum[to] += positions[from], count[to] += 1;
        }
      const float step = round % 2 == 0 ? kSmooth : kInflate;
      for (std::size_t i = 0; i < positions.size(); ++i) {
        if (count[i] == 0) continue;
        const QVector3D wanted = positions[i] + step * (sum[i] / count[i] - positions[i]);
        for (int a = 0; a < 3; ++a) positions[i][a] = std::clamp(wanted[a], middle[i][a] - 0.5F, middle[i][a] + 0.5F);
      }
    }
  }

  ViewIndex size_{}, cells_{};
  std::vector<std::uint8_t> inside_;
  std::vector<std::int32_t> vertex_of_;
};

void add_normals(SurfaceMesh& mesh) {
  mesh.normals.assign(mesh.vertices.size(), QVector3D());
  for (std::size_t i = 0; i + 2 < mesh.triangles.size(); i += 3) {
    const std::uint32_t a = mesh.triangles[i], b = mesh.triangles[i + 1], c = mesh.triangles[i + 2];
    const QVector3D normal =
        QVector3D::crossProduct(mesh.vertices[b] - mesh.vertices[a], mesh.vertices[c] - mesh.vertices[a]);
    for (const std::uint32_t v : {a, b, c}) mesh.normals[v] += normal;
  }
  for (QVector3D& normal : mesh.normals) normal.normalize();
}

/// Parts that are connected by faces, of the voxels where `inside` is `wanted`: a number for each voxel, 0 elsewhere,
/// and the size of each part.
struct Parts {
  std::vector<std::int32_t> of;
  std::vector<std::size_t> sizes{0};
};
Parts parts_of(const std::vector<std::uint8_t>& inside, const ViewIndex& size, bool wanted) {
  Parts parts;
  parts.of.assign(inside.size(), 0);
  std::vector<std::size_t> queue;
  const std::array<std::int64_t, 3> stride{1, size[0], size[0] * size[1]};
  for (std::size_t seed = 0; seed < inside.size(); ++seed) {
    if ((inside[seed] != 0) != wanted || parts.of[seed]) continue;
    const auto part = static_cast<std::int32_t>(parts.sizes.size());
    parts.of[seed] = part;
    queue.assign(1, seed);
    for (std::size_t next = 0; next < queue.size(); ++next) {
      const auto at = static_cast<std::int64_t>(queue[next]);
      for (std::size_t a = 0; a < 3; ++a) {
        const std::int64_t place = at / stride[a] % size[a];
        for (const std::int64_t way : {-1, 1}) {
          if (place + way < 0 || place + way >= size[a]) continue;
          const auto to = static_cast<std::size_t>(at + way * stride[a]);
          if ((inside[to] != 0) != wanted || parts.of[to]) continue;
          parts.of[to] = part;
          queue.push_back(to);
        }
      }
    }
    parts.sizes.push_back(queue.size());
  }
  return parts;
}

/// The largest part without its hollows: what can be seen from outside.
void keep_outside_of_largest(std::vector<std::uint8_t>& inside, const ViewIndex& size) {
  const Parts solid = parts_of(inside, size, true);
  const auto largest = std::max_element(solid.sizes.begin(), solid.sizes.end()) - solid.sizes.begin();
  for (std::size_t i = 0; i < inside.size(); ++i) inside[i] = largest > 0 && solid.of[i] == largest;
  const Parts air = parts_of(inside, size, false);
  for (std::size_t i = 0; i < inside.size(); ++i) inside[i] = air.of[i] != air.of[0];  // the padding's corner is air
}

/// `first`: index of the first sample, `stride`: voxels from one to the next.
SurfaceMesh mesh_of(const io::Geometry& geometry, const std::array<double, 3>& first,
                    const std::array<double, 3>& stride, const ViewIndex& padded, std::vector<std::uint8_t> inside,
                    int relaxations) {
  NetBuilder net(padded, std::move(inside));
  net.build(relaxations);
  SurfaceMesh mesh;
  mesh.vertices.reserve(net.positions.size());
  for (const QVector3D& p : net.positions) {
    std::array<double, 3> index{};
    for (std::size_t a = 0; a < 3; ++a) index[a] = first[a] + (p[static_cast<int>(a)] - 1) * stride[a];
    const auto lps = geometry.point_lps(index);
    mesh.vertices.emplace_back(static_cast<float>(lps[0]), static_cast<float>(lps[1]), static_cast<float>(lps[2]));
  }
  // Display axes L, P, S are right-handed unless the file's were mirrored.
  const auto& d = geometry.direction;
  const double det =
      d[0] * (d[4] * d[8] - d[5] * d[7]) - d[1] * (d[3] * d[8] - d[5] * d[6]) + d[2] * (d[3] * d[7] - d[4] * d[6]);
  for (const auto& quad : net.quads) {
    const auto corner = [&](std::size_t i) { return static_cast<std::uint32_t>(quad[det > 0 ? i : 3 - i]); };
    for (const std::size_t i : {0, 1, 2, 0, 2, 3}) mesh.triangles.push_back(corner(i));
  }
  add_normals(mesh);
  return mesh;
}

/// Half way from the mean of air to the value that splits dark from bright best (Otsu).
double brighter_than_air(const pipeline::ViewVolume& volume) {
  constexpr std::size_t kBins = 256, kSamples = 500'000;
  const double high = volume.quantile(99.5), range = high - volume.least;
  if (!(range > 0)) return volume.least;
  const auto voxels = static_cast<std::size_t>(volume.grid.geometry.voxels());
  const std::size_t stride = voxels / kSamples | 1;
  std::array<double, kBins> count{};
  double all = 0, sum = 0;
  for (std::size_t i = 0; i < voxels; i += stride) {
    const double value = volume.floats.empty() ? volume.offset + volume.scale * volume.shorts[i] : volume.floats[i];
    const auto bin = static_cast<std::size_t>(std::clamp((value - volume.least) / range, 0.0, 1.0) * (kBins - 1));
    count[bin] += 1, all += 1, sum += static_cast<double>(bin);
  }
  double best = -1, dark = 0, dark_sum = 0, split = 0, air = 0;
  for (std::size_t bin = 0; bin + 1 < kBins; ++bin) {
    dark += count[bin], dark_sum += static_cast<double>(bin) * count[bin];
    if (dark == 0 || dark == all) continue;
    const double apart = dark_sum / dark - (sum - dark_sum) / (all - dark),
                 between = dark * (all - dark) * apart * apart;
    if (between > best) best = between, split = static_cast<double>(bin), air = dark_sum / dark;
  }
  return volume.least + (air + (split - air) / 2 + 0.5) / (kBins - 1) * range;
}

}  // namespace

SurfaceMesh surface_net(const io::Geometry& geometry, const ViewIndex& begin, const ViewIndex& end, int stride,
                        const std::function<bool(const ViewIndex&)>& inside) {
  ViewIndex padded{};
  for (std::size_t a = 0; a < 3; ++a) padded[a] = (end[a] - begin[a] + stride - 1) / stride + 2;
  std::vector<std::uint8_t> values(static_cast<std::size_t>(padded[0] * padded[1] * padded[2]), 0);
  for (std::int64_t z = 1; z + 1 < padded[2]; ++z)
    for (std::int64_t y = 1; y + 1 < padded[1]; ++y)
      for (std::int64_t x = 1; x + 1 < padded[0]; ++x) {
        const ViewIndex at{std::min(begin[0] + (x - 1) * stride + stride / 2, end[0] - 1),
                           std::min(begin[1] + (y - 1) * stride + stride / 2, end[1] - 1),
                           std::min(begin[2] + (z - 1) * stride + stride / 2, end[2] - 1)};
        values[static_cast<std::size_t>((z * padded[1] + y) * padded[0] + x)] = inside(at);
      }
  const double step = stride;
  std::array<double, 3> first{};
  for (std::size_t a = 0; a < 3; ++a) first[a] = static_cast<double>(begin[a] + stride / 2);
  return mesh_of(geometry, first, {step, step, step}, padded, std::move(values), kRelaxations);
}

std::vector<SurfaceMesh> lesion_meshes(const pipeline::ViewSegmentation& segmentation, const std::stop_token& stop) {
  std::vector<SurfaceMesh> meshes;
  for (std::size_t i = 0; i < segmentation.lesions.size() && !stop.stop_requested(); ++i) {
    const pipeline::ViewLesion& lesion = segmentation.lesions[i];
    if (lesion.voxels.empty()) continue;
    int stride = 1;
    const auto cells = [&] {
      std::int64_t product = 1;
      for (std::size_t a = 0; a < 3; ++a) product *= (lesion.end[a] - lesion.begin[a]) / stride + 3;
      return product;
    };
    while (cells() > kMaxCells) ++stride;
    SurfaceMesh mesh = surface_net(segmentation.grid.geometry, lesion.begin, lesion.end, stride,
                                   [&](const ViewIndex& at) { return lesion.holds(segmentation.grid, at); });
    mesh.lesion = static_cast<int>(i), mesh.label = lesion.label;
    meshes.push_back(std::move(mesh));
  }
  return meshes;
}

SurfaceMesh head_mesh(const pipeline::ViewVolume& volume, const std::stop_token& stop) {
  const io::Geometry& g = volume.grid.geometry;
  std::array<std::int64_t, 3> stride{};
  ViewIndex padded{};
  for (std::size_t a = 0; a < 3; ++a) {
    stride[a] = std::max<std::int64_t>(1, std::llround(kHeadVoxelMm / g.spacing_mm[a]));
    padded[a] = g.size[a] / stride[a] + 2;
  }
  const double air = brighter_than_air(volume);
  std::vector<std::uint8_t> inside(static_cast<std::size_t>(padded[0] * padded[1] * padded[2]), 0);
  for (std::int64_t z = 1; z + 1 < padded[2] && !stop.stop_requested(); ++z)
    for (std::int64_t y = 1; y + 1 < padded[1]; ++y)
      for (std::int64_t x = 1; x + 1 < padded[0]; ++x) {
        // The mean of a block: noise in air falls away, a thin scalp stays.
        double sum = 0;
        for (std::int64_t k = 0; k < stride[2]; ++k)
          for (std::int64_t j = 0; j < stride[1]; ++j)
            for (std::int64_t i = 0; i < stride[0]; ++i)
              sum += volume.value({(x - 1) * stride[0] + i, (y - 1) * stride[1] + j, (z - 1) * stride[2] + k});
        const double mean = sum / static_cast<double>(stride[0] * stride[1] * stride[2]);
        inside[static_cast<std::size_t>((z * padded[1] + y) * padded[0] + x)] = mean > air;
      }
  keep_outside_of_largest(inside, padded);
  std::array<double, 3> first{}, step{};
  for (std::size_t a = 0; a < 3; ++a)
    step[a] = static_cast<double>(stride[a]), first[a] = (step[a] - 1) / 2;  // the middle of a block
  return mesh_of(g, first, step, padded, std::move(inside), kHeadRelaxations);
}

}  // namespace fovea::gui
