#include <fovea/io/attention_export.h>

#include <algorithm>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "core/hdf5_rows.h"

namespace fovea::io {
namespace {

constexpr std::int64_t kChunkRows = 16384;

/// A view: the caller's memory outlives the write.
template <class T>
Array view(std::span<const T> values, std::vector<std::int64_t> shape, ElementType type) {
  return {type, std::move(shape), std::as_bytes(values), nullptr};
}

}  // namespace

void write_attention_h5(const std::filesystem::path& path, const TileAttention& tiles) {
  const auto count = static_cast<std::int64_t>(tiles.coords.size() / 2),
             rows = std::clamp<std::int64_t>(count, 1, kChunkRows);
  write_with(path, [&](const std::filesystem::path& temporary) {
    const h5::Handle file = h5::create_file(temporary);
    h5::write_dataset(file, "coords", view(tiles.coords, {count, 2}, ElementType::kI64), rows);
    h5::write_dataset(file, "attention_raw", view(tiles.raw, {tiles.branches, count}, ElementType::kF32), 1);
    h5::write_dataset(file, "attention_softmax", view(tiles.softmax, {tiles.branches, count}, ElementType::kF32), 1);
    h5::write_dataset(file, "attention_scores", view(tiles.value, {count, 1}, ElementType::kF32), rows);
    h5::write_attribute(file, ".", "footprint_px", tiles.footprint_px);
    h5::write_attribute(file, ".", "branches", tiles.branches);
    h5::write_attribute(file, ".", "value", tiles.value_name);
    h5::write_attribute(file, ".", "producer", std::string("fovea"));
    h5::flush(file);
  });
}

}  // namespace fovea::io
