// CLAM, TRIDENT and ACMIL feature files and coordinate files, read (mil.md section 8, wsi.md section 3).
#include <algorithm>
#include <stdexcept>

#include <fovea/base/error.h>
#include <fovea/io/bag_writer.h>

#include "bag/bag_attributes.h"
#include "bag/bag_files.h"
#include "core/hdf5_rows.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kNamesShown = 5;

/// Coordinates may be missing, or a scalar 0 (ACMIL's LCT files).
std::vector<std::int64_t> coords_of(hid_t group) {
  if (!h5::exists(group, "coords")) return {};
  const auto shape = h5::shape_of(group, "coords");
  if (shape.size() != 2 || shape[1] != 2) return {};
  return to_int64(h5::read_dataset(group, "coords"));
}

/// What the attributes of the group and its data sets say.
void describe(hid_t group, const std::string& features, FeatureBag& bag) {
  add_attributes(group, features, bag.attributes);
  if (h5::exists(group, "coords")) add_attributes(group, "coords", bag.attributes);
  add_attributes(group, ".", bag.attributes);
  bag.geometry = geometry_of(bag.attributes);
  if (bag.attributes.count("encoder")) bag.encoder = bag.attributes["encoder"];
  if (bag.attributes.count("name")) bag.slide = bag.attributes["name"];
}

FeatureBag bag_of(hid_t group, const std::string& features, const fs::path& path) {
  FeatureBag bag;
  bag.features = h5::read_dataset(group, features);
  // A slide without tissue may be stored as [0] instead of [0, D].
  if (bag.features.shape.size() == 1 && bag.features.shape[0] == 0) bag.features.shape = {0, 0};
  bag.coords = coords_of(group);
  describe(group, features, bag);
  if (const auto label = h5::number_attribute(group, ".", "label")) bag.label = static_cast<std::int64_t>(*label);
  if (h5::exists(group, "inst_label")) bag.instance_labels = to_int64(h5::read_dataset(group, "inst_label"));
  if (bag.features.shape.size() == 2 && bag.features.shape[0] == 0) bag.coords.clear();
  check_bag(path, bag);
  return bag;
}

bool is_bag_group(hid_t file, const std::string& link) {
  return h5::is_group(file, link) && h5::exists(h5::open_group(file, link), "feat");
}

std::vector<std::string> bag_groups(hid_t file) {
  std::vector<std::string> names;
  for (const std::string& link : h5::links(file))
    if (is_bag_group(file, link)) names.push_back(link);
  return names;
}

template <class Read>
auto translated(const fs::path& path, Read read) {
  try {
    return read();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kCorrupt, path.string(), std::string("the bag cannot be read: ") + error.what(),
                "Extract the features again.");
  }
}

}  // namespace

FeatureBag read_hdf5_bag(const fs::path& path, const std::optional<std::string>& key) {
  return translated(path, [&] {
    const h5::Handle file = h5::open_file(path);
    if (h5::exists(file, "imgs"))
      throw Error(ErrorCode::kUnsupported, path.string(), "this is an old CLAM file of image patches, not of features",
                  "Extract features from the slide: fovea slide features.");
    if (!key && h5::exists(file, "features")) return bag_of(file, "features", path);
    if (!key && h5::exists(file, "feat") && !h5::is_group(file, "feat")) return bag_of(file, "feat", path);
    // A key is looked up, not searched for: a data set of thousands of bags is read by key, one after the other.
    if (key && !key->empty() && key->find('/') == std::string::npos && *key != "." && is_bag_group(file, *key)) {
      FeatureBag bag = bag_of(h5::open_group(file, *key), "feat", path);
      if (bag.slide.empty()) bag.slide = *key;
      return bag;
    }
    const auto groups = bag_groups(file);
    if (!key && groups.size() == 1) return bag_of(h5::open_group(file, groups[0]), "feat", path);
    std::string names;
    for (std::size_t i = 0; i < std::min(groups.size(), kNamesShown); ++i) names += (i ? ", " : "") + groups[i];
    if (key && groups.empty() && (h5::exists(file, "features") || h5::exists(file, "feat")))
      throw Error(ErrorCode::kNotFound, path.string(), "it holds one bag, and no '" + *key + "'",
                  "Leave --features-key out.");
    if (groups.empty())
      throw Error(ErrorCode::kUnsupported, path.string(), "this HDF5 file holds no features",
                  "Use a feature file of CLAM, TRIDENT or ACMIL.");
    throw Error(key ? ErrorCode::kNotFound : ErrorCode::kUnsupported, path.string(),
                (key ? "there is no bag '" + *key + "' among " : "it holds ") + std::to_string(groups.size()) +
                    " bags (" + names + ", ...)",
                "Name one with --features-key.");
  });
}

FeatureBag read_bag_header(const fs::path& path) {
  return translated(path, [&] {
    const h5::Handle file = h5::open_file(path);
    if (!h5::exists(file, "features")) throw std::runtime_error("it holds no features");
    FeatureBag bag;
    bag.features = h5::read_rows(file, "features", 0, 0);
    bag.features.shape = h5::shape_of(file, "features");
    describe(file, "features", bag);
    check_bag(path, bag);
    return bag;
  });
}

std::vector<std::string> list_bags(const fs::path& path) {
  return translated(path, [&]() -> std::vector<std::string> {
    const h5::Handle file = h5::open_file(path);
    if (h5::exists(file, "features")) return {};
    return bag_groups(file);
  });
}

FeatureBag read_patches(const fs::path& path) {
  return translated(path, [&] {
    const h5::Handle file = h5::open_file(path);
    FeatureBag bag;
    if (!h5::exists(file, "coords")) throw std::runtime_error("it holds no coordinates");
    bag.coords = coords_of(file);
    if (bag.coords.empty() && h5::shape_of(file, "coords") != std::vector<std::int64_t>{0, 2})
      throw std::runtime_error("its coordinates are not rows of x and y");
    add_attributes(file, "coords", bag.attributes);
    bag.geometry = geometry_of(bag.attributes);
    if (bag.attributes.count("name")) bag.slide = bag.attributes["name"];
    bag.features.shape = {static_cast<std::int64_t>(bag.coords.size() / 2), 0};
    return bag;
  });
}

}  // namespace fovea::io
