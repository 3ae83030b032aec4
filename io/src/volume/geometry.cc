// Geometry and what every reader ends with.
#include <cmath>
#include <cstring>

#include <fovea/base/error.h>
#include <fovea/io/hash.h>

#include "volume/volume_readers.h"

namespace fovea::io {
namespace {

constexpr double kWorkingCopies = 4;  // the volume, and what resampling and the network hold beside it

double determinant(const std::array<double, 9>& m) {
  return m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
}

std::string hash_of(const Volume& volume) {
  const Geometry& g = volume.geometry;
  std::vector<std::byte> bytes(sizeof g.size + sizeof g.spacing_mm + sizeof g.origin_mm + sizeof g.direction);
  std::byte* at = bytes.data();
  const auto add = [&](const auto& part) { std::memcpy(at, part.data(), sizeof part), at += sizeof part; };
  add(g.size), add(g.spacing_mm), add(g.origin_mm), add(g.direction);
  const std::string values = sha256(std::as_bytes(std::span<const float>(volume.values)));
  const auto* text = reinterpret_cast<const std::byte*>(values.data());
  bytes.insert(bytes.end(), text, text + values.size());
  return sha256(bytes);
}

}  // namespace

double Geometry::voxel_ml() const {
  return std::abs(determinant(direction)) * spacing_mm[0] * spacing_mm[1] * spacing_mm[2] / 1000;
}

std::array<double, 3> Geometry::point_lps(std::array<double, 3> index) const {
  std::array<double, 3> point = origin_mm;
  for (int row = 0; row < 3; ++row)
    for (int axis = 0; axis < 3; ++axis) point[row] += direction[3 * row + axis] * spacing_mm[axis] * index[axis];
  return point;
}

void check_memory(const std::string& subject, double voxels, const VolumeReadOptions& options) {
  const double bytes = voxels * sizeof(float) * kWorkingCopies;
  if (!(bytes <= options.max_bytes))
    throw Error(ErrorCode::kOutOfMemory, subject,
                "the volume would need about " + std::to_string(static_cast<long long>(bytes / 1e6)) +
                    " MB of memory, more than allowed",
                "Check the header, crop the volume, or raise --max-memory-gb.");
}

void finish_volume(const std::string& subject, Volume& volume) {
  const Geometry& g = volume.geometry;
  bool sound = std::abs(determinant(g.direction)) > 0.5;
  for (int axis = 0; axis < 3; ++axis)
    sound = sound && g.size[axis] > 0 && std::isfinite(g.spacing_mm[axis]) && g.spacing_mm[axis] > 0 &&
            std::isfinite(g.origin_mm[axis]);
  if (!sound)
    throw Error(ErrorCode::kCorrupt, subject, "the header's spacing, origin or direction is impossible",
                "Export the volume again.");
  if (g.size[0] < 2 || g.size[1] < 2 || g.size[2] < 2)
    throw Error(ErrorCode::kUnsupported, subject, "this is a 2-D image, not a volume",
                "Give a volume with several slices.");
  std::size_t bad = 0;
  for (float& value : volume.values)
    if (!std::isfinite(value)) value = 0, ++bad;
  if (bad == volume.values.size())
    throw Error(ErrorCode::kCorrupt, subject, "no voxel holds a number", "Export the volume again.");
  if (bad > 0)
    volume.notices.push_back(std::to_string(bad) + " voxels were not numbers (NaN or infinite) and were set to 0");
  volume.content_hash = hash_of(volume);
}

}  // namespace fovea::io
