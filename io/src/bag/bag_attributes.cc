#include "bag/bag_attributes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

namespace fovea::io {
namespace {

/// Written from the geometry and by the layouts, never as further text.
constexpr std::array<std::string_view, 26> kOwn{"patch_size",
                                                "patch_size_level0",
                                                "level0_magnification",
                                                "target_magnification",
                                                "level0_width",
                                                "level0_height",
                                                "overlap",
                                                "name",
                                                "savetodir",
                                                "mpp_level0",
                                                "mpp_target",
                                                "level_read",
                                                "read_size",
                                                "patch_level",
                                                "encoder",
                                                "complete_rows",
                                                "downsample",
                                                "level_dim",
                                                "downsampled_level_dim",
                                                "save_path",
                                                "custom_downsample",
                                                "label",
                                                "level_downsample",
                                                "level_width",
                                                "level_height",
                                                "inst_label"};

double number(const std::map<std::string, std::string>& attributes, const std::string& name, double otherwise) {
  const auto found = attributes.find(name);
  if (found == attributes.end()) return otherwise;
  double value = otherwise;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

double nominal_magnification(double mpp) {
  for (const auto& [limit, power] :
       {std::pair{0.16, 80.0}, {0.2, 60.0}, {0.3, 40.0}, {0.6, 20.0}, {1.2, 10.0}, {2.4, 5.0}})
    if (mpp < limit) return power;
  return 2.5;
}

std::int64_t whole(const TextAttributes& attributes, const std::string& name, std::int64_t otherwise) {
  return static_cast<std::int64_t>(number(attributes, name, static_cast<double>(otherwise)));
}

}  // namespace

BagGeometry geometry_of(const TextAttributes& attributes) {
  BagGeometry geometry;
  const double patch = number(attributes, "patch_size", 0), downsample = number(attributes, "downsample", 0);
  geometry.tile_px = static_cast<std::int64_t>(patch);
  geometry.level = whole(attributes, "patch_level", whole(attributes, "level_read", -1));
  geometry.read_px = whole(attributes, "read_size", geometry.tile_px);
  geometry.footprint_px = number(attributes, "patch_size_level0", 0);
  if (geometry.footprint_px == 0 && downsample > 0)
    geometry.footprint_px = patch * static_cast<int>(downsample) * number(attributes, "custom_downsample", 1);
  if (const double mpp = number(attributes, "mpp_level0", 0); mpp > 0) geometry.mpp_level0 = mpp;
  if (const double mpp = number(attributes, "mpp_target", 0); mpp > 0) geometry.mpp_target = mpp;
  geometry.width = whole(attributes, "level0_width", 0), geometry.height = whole(attributes, "level0_height", 0);
  geometry.level_downsample = number(attributes, "level_downsample", downsample);
  return geometry;
}

void add_attributes(hid_t parent, const std::string& object, TextAttributes& out) {
  for (auto& [name, text] : h5::attributes(parent, object)) out.emplace(name, text);
}

void write_geometry(hid_t file, const std::string& object, const BagGeometry& g, const std::string& slide,
                    const TextAttributes& attributes) {
  const auto put = [&](const char* name, const auto& value) { h5::write_attribute(file, object, name, value); };
  if (g.tile_px > 0) put("patch_size", g.tile_px);
  if (g.footprint_px > 0) put("patch_size_level0", static_cast<std::int64_t>(std::llround(g.footprint_px)));
  if (g.mpp_level0) put("level0_magnification", static_cast<std::int64_t>(nominal_magnification(*g.mpp_level0)));
  if (g.mpp_target) put("target_magnification", nominal_magnification(*g.mpp_target));
  if (g.width > 0) put("level0_width", g.width), put("level0_height", g.height);
  put("overlap", whole(attributes, "overlap", 0));
  put("name", slide);
  put("savetodir", std::string{});
  // Ours, beside theirs: readers ignore what they do not know.
  if (g.mpp_level0) put("mpp_level0", *g.mpp_level0);
  if (g.mpp_target) put("mpp_target", *g.mpp_target);
  if (g.level >= 0) put("level_read", g.level);
  if (g.level_downsample > 0) put("level_downsample", g.level_downsample);
  if (g.read_px > 0) put("read_size", g.read_px);
  // CLAM's patch_level is true of this file only when what was read is what was kept.
  if (g.level >= 0 && g.read_px == g.tile_px) put("patch_level", g.level);
}

void write_clam_attributes(hid_t file, const BagGeometry& g, const std::string& slide) {
  const std::int64_t read = g.read_px > 0 ? g.read_px : g.tile_px;
  const double downsample = g.level_downsample > 0 ? g.level_downsample
                            : read > 0             ? g.footprint_px / static_cast<double>(read)
                                                   : 1;
  const auto level_size = [&](std::int64_t extent) {
    return static_cast<std::int64_t>(static_cast<double>(extent) / std::max(downsample, 1.0));
  };
  const std::vector<std::int64_t> size{level_size(g.width), level_size(g.height)};
  const auto put = [&](const char* name, const auto& value) { h5::write_attribute(file, "coords", name, value); };
  put("patch_size", read);
  put("patch_level", std::max<std::int64_t>(0, g.level));
  put("downsample", std::vector<double>{downsample, downsample});
  put("level_dim", size);
  put("downsampled_level_dim", size);
  put("name", slide);
  put("save_path", std::string{});
}

void write_further(hid_t file, const std::string& object, const TextAttributes& attributes) {
  for (const auto& [name, text] : attributes)
    if (std::find(kOwn.begin(), kOwn.end(), name) == kOwn.end()) h5::write_attribute(file, object, name, text);
}

}  // namespace fovea::io
