#include <fovea/io/attention_export.h>

#include <algorithm>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/attention_import.h>

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

StoredAttention read_attention_h5(const std::filesystem::path& path) {
  const auto corrupt = [&](const std::string& reason) {
    return Error(ErrorCode::kCorrupt, path.string(), "it holds no tile attention (" + reason + ")",
                 "Write it again with fovea slide predict.");
  };
  const h5::Handle file = h5::open_file(path);
  StoredAttention stored;
  try {
    stored.coords = to_int64(h5::read_dataset(file, "coords"));
    stored.softmax = to_float(h5::read_dataset(file, "attention_softmax"));
    stored.value = to_float(h5::read_dataset(file, "attention_scores"));
    stored.footprint_px = h5::number_attribute(file, ".", "footprint_px").value_or(0);
    stored.branches = static_cast<std::int64_t>(h5::number_attribute(file, ".", "branches").value_or(1));
    for (const auto& [name, text] : h5::attributes(file, "."))
      if (name == "value") stored.value_name = text;
  } catch (const std::runtime_error& error) {
    throw corrupt(error.what());
  }
  const std::size_t count = stored.value.size();
  if (stored.coords.size() != 2 * count || stored.branches < 1 ||
      stored.softmax.size() != count * static_cast<std::size_t>(stored.branches))
    throw corrupt("the numbers of tiles disagree");
  return stored;
}

}  // namespace fovea::io
