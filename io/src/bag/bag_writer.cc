#include <fovea/io/bag_writer.h>

#include <optional>
#include <stdexcept>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/torch_tensor.h>

#include "bag/bag_attributes.h"
#include "bag/bag_files.h"
#include "core/hdf5_rows.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kClamChunk = 32;  // rows, as CLAM's own writer

Array coords_array(std::span<const std::int64_t> coords, bool narrow) {
  const auto count = static_cast<std::int64_t>(coords.size() / 2);
  if (!narrow) return {ElementType::kI64, {count, 2}, std::as_bytes(coords), nullptr};
  return make_array<std::int32_t>(std::vector<std::int32_t>(coords.begin(), coords.end()), {count, 2});
}

Array as_stored(const Array& features, ElementType type) {
  if (features.type == type) return features;
  if (type != ElementType::kF32) throw std::runtime_error("the features are not half-precision numbers");
  return make_array<float>(to_float(features), features.shape);
}

void write_pt(const fs::path& bag, const fs::path& target) {
  const h5::Handle file = h5::open_file(bag);
  const auto shape = h5::shape_of(file, "features");
  if (shape.size() != 2) throw std::runtime_error("the features are not tiles x width");
  std::vector<float> piece;
  write_torch_tensor(target, shape[0], shape[1], [&](std::int64_t first, std::int64_t count) {
    piece = to_float(h5::read_rows(file, "features", first, count));
    return std::span<const float>(piece);
  });
}

}  // namespace

struct BagWriter::Parts {
  Parts(fs::path target, BagHeader given, BagLayout wanted)
      : output(std::move(target)), header(std::move(given)), layout(wanted) {
    if (layout == BagLayout::kClam) header.type = ElementType::kF32;
  }
  bool clam() const { return layout == BagLayout::kClam; }
  std::int64_t chunk(ElementType type, std::int64_t width) const {
    return clam() ? kClamChunk : h5::rows_per_chunk(type, width, header.expected_rows);
  }
  void open() {
    file = h5::create_file(output.temporary());
    features.emplace(file, "features", header.type, std::vector{header.width}, chunk(header.type, header.width));
  }
  void open_coords() {
    const ElementType type = clam() ? ElementType::kI32 : ElementType::kI64;
    coords.emplace(file, "coords", type, std::vector<std::int64_t>{2}, chunk(type, 2));
  }
  template <class Work>
  void guarded(Work work) {
    write_guarded(output.target(), work);
  }

  AtomicFile output;
  BagHeader header;
  BagLayout layout;
  h5::Handle file;
  std::optional<h5::GrowingDataset> features, coords;
};

BagWriter::BagWriter(fs::path target, BagHeader header, BagLayout layout)
    : parts_(std::make_unique<Parts>(std::move(target), std::move(header), layout)) {
  parts_->guarded([&] { parts_->open(); });
}

BagWriter::~BagWriter() = default;

void BagWriter::append(const Array& features, std::span<const std::int64_t> coords) {
  Parts& p = *parts_;
  p.guarded([&] {
    if (!coords.empty() && static_cast<std::int64_t>(coords.size()) != 2 * features.shape.at(0))
      throw std::runtime_error("features and coordinates differ in number");
    p.features->append(as_stored(features, p.header.type));
    if (coords.empty()) return;
    if (!p.coords) p.open_coords();
    p.coords->append(coords_array(coords, p.clam()));
  });
}

std::int64_t BagWriter::rows() const {
  return parts_->features->rows();
}

void BagWriter::finish(const std::map<std::string, std::string>& more) {
  Parts& p = *parts_;
  p.guarded([&] {
    const std::int64_t rows = p.features->rows();
    if (rows == 0 && !p.coords) p.open_coords();  // a slide without tissue has no coordinates, but a place for them
    if (p.coords && p.coords->rows() != rows) throw std::runtime_error("features and coordinates differ in number");
    const std::string object = p.clam() ? "." : "features";
    p.header.attributes.insert(more.begin(), more.end());
    if (!p.clam()) {
      h5::write_attribute(p.file, object, "name", p.header.slide);
      h5::write_attribute(p.file, object, "savetodir", std::string{});
    }
    if (p.clam() || p.coords)
      write_geometry(p.file, p.clam() ? "." : "coords", p.header.geometry, p.header.slide, p.header.attributes);
    h5::write_attribute(p.file, object, "encoder", p.header.encoder);
    write_further(p.file, object, p.header.attributes);
    h5::write_attribute(p.file, object, "complete_rows", rows);
    h5::flush(p.file);
    p.features.reset(), p.coords.reset(), p.file = {};
  });
}

void BagWriter::write_pt(const fs::path& target) const {
  write_guarded(target, [&] { io::write_pt(parts_->output.temporary(), target); });
}

void BagWriter::commit() {
  parts_->output.commit();
}

void write_pt_of_bag(const fs::path& bag, const fs::path& target) {
  write_guarded(target, [&] { write_pt(bag, target); });
}

void write_bag(const fs::path& path, const FeatureBag& bag, BagLayout layout) {
  check_bag(path, bag);
  const bool half = bag.features.type == ElementType::kF16;
  BagWriter writer(path,
                   {bag.geometry, bag.encoder, bag.slide, bag.attributes, half ? ElementType::kF16 : ElementType::kF32,
                    bag.features.shape[1], bag.features.shape[0]},
                   layout);
  writer.append(bag.features, bag.coords);
  writer.finish();
  writer.commit();
}

void write_patches(const fs::path& path, const FeatureBag& bag, BagLayout layout) {
  write_with(path, [&](const fs::path& temporary) {
    const h5::Handle file = h5::create_file(temporary);
    const Array coords = coords_array(bag.coords, false);
    h5::write_dataset(file, "coords", coords, h5::rows_per_chunk(ElementType::kI64, 2, coords.shape[0]));
    if (layout == BagLayout::kTrident)
      write_geometry(file, "coords", bag.geometry, bag.slide, bag.attributes);
    else
      write_clam_attributes(file, bag.geometry, bag.slide);
    write_further(file, "coords", bag.attributes);
    h5::flush(file);
  });
}

}  // namespace fovea::io
