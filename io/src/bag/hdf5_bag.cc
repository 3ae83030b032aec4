// CLAM, TRIDENT and ACMIL feature files and coordinate files, both ways (mil.md section 8, wsi.md section 3).
#include <algorithm>
#include <charconv>
#include <stdexcept>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "bag/bag_files.h"
#include "core/hdf5_handle.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kNamesShown = 5;

double number(const std::map<std::string, std::string>& attributes, const std::string& name, double otherwise) {
  const auto found = attributes.find(name);
  if (found == attributes.end()) return otherwise;
  double value = otherwise;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

/// What the attributes of either tool say of the tiles.
BagGeometry geometry_of(const std::map<std::string, std::string>& attributes) {
  BagGeometry geometry;
  const double patch = number(attributes, "patch_size", 0), downsample = number(attributes, "downsample", 0);
  geometry.tile_px = static_cast<std::int64_t>(patch);
  geometry.level = static_cast<std::int64_t>(number(attributes, "patch_level", -1));
  geometry.read_px = static_cast<std::int64_t>(number(attributes, "read_size", patch));
  geometry.footprint_px = number(attributes, "patch_size_level0", 0);
  if (geometry.footprint_px == 0 && downsample > 0)
    geometry.footprint_px = patch * static_cast<int>(downsample) * number(attributes, "custom_downsample", 1);
  if (const double mpp = number(attributes, "mpp_level0", 0); mpp > 0) geometry.mpp_level0 = mpp;
  if (const double mpp = number(attributes, "mpp_target", 0); mpp > 0) geometry.mpp_target = mpp;
  geometry.width = static_cast<std::int64_t>(number(attributes, "level0_width", 0));
  geometry.height = static_cast<std::int64_t>(number(attributes, "level0_height", 0));
  return geometry;
}

void add_attributes(hid_t parent, const std::string& object, std::map<std::string, std::string>& out) {
  for (auto& [name, text] : h5::attributes(parent, object)) out.emplace(name, text);
}

/// Coordinates may be missing, or a scalar 0 (ACMIL's LCT files).
std::vector<std::int64_t> coords_of(hid_t group) {
  if (!h5::exists(group, "coords")) return {};
  const auto shape = h5::shape_of(group, "coords");
  if (shape.size() != 2 || shape[1] != 2) return {};
  return to_int64(h5::read_dataset(group, "coords"));
}

FeatureBag bag_of(hid_t group, const std::string& features, const fs::path& path) {
  FeatureBag bag;
  bag.features = h5::read_dataset(group, features);
  // A slide without tissue may be stored as [0] instead of [0, D].
  if (bag.features.shape.size() == 1 && bag.features.shape[0] == 0) bag.features.shape = {0, 0};
  bag.coords = coords_of(group);
  add_attributes(group, features, bag.attributes);
  if (h5::exists(group, "coords")) add_attributes(group, "coords", bag.attributes);
  add_attributes(group, ".", bag.attributes);
  bag.geometry = geometry_of(bag.attributes);
  if (bag.attributes.count("encoder")) bag.encoder = bag.attributes["encoder"];
  if (bag.attributes.count("name")) bag.slide = bag.attributes["name"];
  if (const auto label = h5::number_attribute(group, ".", "label")) bag.label = static_cast<std::int64_t>(*label);
  if (h5::exists(group, "inst_label")) bag.instance_labels = to_int64(h5::read_dataset(group, "inst_label"));
  if (bag.features.shape.size() == 2 && bag.features.shape[0] == 0) bag.coords.clear();
  check_bag(path, bag);
  return bag;
}

std::vector<std::string> bag_groups(hid_t file) {
  std::vector<std::string> names;
  for (const std::string& link : h5::links(file))
    if (h5::is_group(file, link) && h5::exists(h5::open_group(file, link), "feat")) names.push_back(link);
  return names;
}

template <class Read>
auto translated(const fs::path& path, Read read) {
  try {
    return read();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kCorrupt, path.string(), std::string("the feature file cannot be read: ") + error.what(),
                "Extract the features again.");
  }
}

Array coords_array(const FeatureBag& bag, bool narrow) {
  const auto count = static_cast<std::int64_t>(bag.coords.size() / 2);
  if (!narrow) return make_array<std::int64_t>(bag.coords, {count, 2});
  return make_array<std::int32_t>(std::vector<std::int32_t>(bag.coords.begin(), bag.coords.end()), {count, 2});
}

Array features_as_float(const FeatureBag& bag) {
  if (bag.features.type == ElementType::kF32) return bag.features;
  return make_array<float>(to_float(bag.features), bag.features.shape);
}

/// About a megabyte a chunk: one-row chunks make large bags slow.
std::int64_t rows_per_chunk(const Array& array) {
  const std::int64_t width = array.shape.size() > 1 ? std::max<std::int64_t>(1, array.shape[1]) : 1;
  return std::clamp<std::int64_t>((1 << 20) / (width * static_cast<std::int64_t>(element_size(array.type))), 1,
                                  std::max<std::int64_t>(1, array.shape[0]));
}

double nominal_magnification(double mpp) {
  for (const auto& [limit, power] :
       {std::pair{0.16, 80.0}, {0.2, 60.0}, {0.3, 40.0}, {0.6, 20.0}, {1.2, 10.0}, {2.4, 5.0}})
    if (mpp < limit) return power;
  return 2.5;
}

void write_trident_attributes(hid_t file, const FeatureBag& bag) {
  const BagGeometry& g = bag.geometry;
  const std::string at = "coords";
  if (g.tile_px > 0) h5::write_attribute(file, at, "patch_size", g.tile_px);
  if (g.footprint_px > 0)
    h5::write_attribute(file, at, "patch_size_level0", static_cast<std::int64_t>(g.footprint_px + 0.5));
  if (g.mpp_level0)
    h5::write_attribute(file, at, "level0_magnification",
                        static_cast<std::int64_t>(nominal_magnification(*g.mpp_level0)));
  if (g.mpp_target) h5::write_attribute(file, at, "target_magnification", nominal_magnification(*g.mpp_target));
  if (g.width > 0)
    h5::write_attribute(file, at, "level0_width", g.width), h5::write_attribute(file, at, "level0_height", g.height);
  std::int64_t overlap = 0;
  if (const auto found = bag.attributes.find("overlap"); found != bag.attributes.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), overlap);
  h5::write_attribute(file, at, "overlap", overlap);
  h5::write_attribute(file, at, "name", bag.slide);
  h5::write_attribute(file, at, "savetodir", std::string{});
  // Ours, beside theirs: readers ignore what they do not know.
  if (g.mpp_level0) h5::write_attribute(file, at, "mpp_level0", *g.mpp_level0);
  if (g.mpp_target) h5::write_attribute(file, at, "mpp_target", *g.mpp_target);
  if (g.level >= 0) h5::write_attribute(file, at, "level_read", g.level);
  if (g.read_px > 0) h5::write_attribute(file, at, "read_size", g.read_px);
  // CLAM's patch_level is true of this file only when what was read is what was kept.
  if (g.level >= 0 && g.read_px == g.tile_px) h5::write_attribute(file, at, "patch_level", g.level);
  h5::write_attribute(file, at, "producer", std::string("fovea"));
}

void write_clam_attributes(hid_t file, const FeatureBag& bag) {
  const BagGeometry& g = bag.geometry;
  const std::int64_t read = g.read_px > 0 ? g.read_px : g.tile_px;
  const double downsample = read > 0 ? g.footprint_px / static_cast<double>(read) : 1;
  const auto level_size = [&](std::int64_t extent) {
    return static_cast<std::int64_t>(static_cast<double>(extent) / std::max(downsample, 1.0));
  };
  h5::write_attribute(file, "coords", "patch_size", read);
  h5::write_attribute(file, "coords", "patch_level", std::max<std::int64_t>(0, g.level));
  h5::write_attribute(file, "coords", "downsample", std::vector<double>{downsample, downsample});
  h5::write_attribute(file, "coords", "level_dim",
                      std::vector<std::int64_t>{level_size(g.width), level_size(g.height)});
  h5::write_attribute(file, "coords", "downsampled_level_dim",
                      std::vector<std::int64_t>{level_size(g.width), level_size(g.height)});
  h5::write_attribute(file, "coords", "name", bag.slide);
  h5::write_attribute(file, "coords", "save_path", std::string{});
}

}  // namespace

FeatureBag read_hdf5_bag(const fs::path& path, const std::optional<std::string>& key) {
  return translated(path, [&] {
    const h5::Handle file = h5::open_file(path);
    if (h5::exists(file, "imgs"))
      throw Error(ErrorCode::kUnsupported, path.string(), "this is an old CLAM file of image patches, not of features",
                  "Extract features from the slide: fovea slide predict SLIDE --keep-features.");
    if (!key && h5::exists(file, "features")) return bag_of(file, "features", path);
    if (!key && h5::exists(file, "feat") && !h5::is_group(file, "feat")) return bag_of(file, "feat", path);
    const auto groups = bag_groups(file);
    if (!key && groups.size() == 1) return bag_of(h5::open_group(file, groups[0]), "feat", path);
    if (key && std::find(groups.begin(), groups.end(), *key) != groups.end()) {
      FeatureBag bag = bag_of(h5::open_group(file, *key), "feat", path);
      if (bag.slide.empty()) bag.slide = *key;
      return bag;
    }
    std::string names;
    for (std::size_t i = 0; i < std::min(groups.size(), kNamesShown); ++i) names += (i ? ", " : "") + groups[i];
    if (groups.empty())
      throw Error(ErrorCode::kUnsupported, path.string(), "this HDF5 file holds no features",
                  "Use a feature file of CLAM, TRIDENT or ACMIL.");
    throw Error(key ? ErrorCode::kNotFound : ErrorCode::kUnsupported, path.string(),
                (key ? "there is no bag '" + *key + "' among " : "it holds ") + std::to_string(groups.size()) +
                    " bags (" + names + ", ...)",
                "Name one with --features-key.");
  });
}

std::vector<std::string> list_bags(const fs::path& path) {
  return translated(path, [&]() -> std::vector<std::string> {
    const h5::Handle file = h5::open_file(path);
    if (h5::exists(file, "features")) return {};
    return bag_groups(file);
  });
}

void write_bag(const fs::path& path, const FeatureBag& bag, BagLayout layout) {
  check_bag(path, bag);
  write_with(path, [&](const fs::path& temporary) {
    const h5::Handle file = h5::create_file(temporary);
    const Array features = layout == BagLayout::kClam ? features_as_float(bag) : bag.features;
    h5::write_dataset(file, "features", features, layout == BagLayout::kClam ? 32 : rows_per_chunk(features));
    const Array coords = coords_array(bag, layout == BagLayout::kClam);
    if (!bag.coords.empty() || bag.features.shape[0] == 0)
      h5::write_dataset(file, "coords", coords, layout == BagLayout::kClam ? 32 : rows_per_chunk(coords));
    if (layout == BagLayout::kTrident) {
      h5::write_attribute(file, "features", "name", bag.slide);
      h5::write_attribute(file, "features", "savetodir", std::string{});
      h5::write_attribute(file, "features", "encoder", bag.encoder);
      if (h5::exists(file, "coords")) write_trident_attributes(file, bag);
    }
    if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0) throw std::runtime_error("the disk did not take it");
  });
}

void write_patches(const fs::path& path, const FeatureBag& bag, BagLayout layout) {
  write_with(path, [&](const fs::path& temporary) {
    const h5::Handle file = h5::create_file(temporary);
    const Array coords = coords_array(bag, false);
    h5::write_dataset(file, "coords", coords, rows_per_chunk(coords));
    if (layout == BagLayout::kTrident)
      write_trident_attributes(file, bag);
    else
      write_clam_attributes(file, bag);
    if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0) throw std::runtime_error("the disk did not take it");
  });
}

FeatureBag read_patches(const fs::path& path) {
  return translated(path, [&] {
    const h5::Handle file = h5::open_file(path);
    FeatureBag bag;
    if (!h5::exists(file, "coords")) throw std::runtime_error("it holds no coordinates");
    bag.coords = coords_of(file);
    add_attributes(file, "coords", bag.attributes);
    bag.geometry = geometry_of(bag.attributes);
    if (bag.attributes.count("name")) bag.slide = bag.attributes["name"];
    bag.features.shape = {static_cast<std::int64_t>(bag.coords.size() / 2), 0};
    return bag;
  });
}

}  // namespace fovea::io
