#include "slide/coords_folder.h"

#include <algorithm>
#include <charconv>

#include <fovea/base/error.h>

namespace fovea::pipeline::slide {
namespace {

namespace fs = std::filesystem;

double number_of(const std::map<std::string, std::string>& attributes, const std::string& name) {
  double value = 0;
  if (const auto found = attributes.find(name); found != attributes.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

bool of_clam(const io::FeatureBag& coords) {
  return coords.attributes.contains("downsample") && coords.geometry.level >= 0;
}

}  // namespace

CoordsFolder::CoordsFolder(const fs::path& folder)
    : folder_(fs::is_directory(folder / "patches") ? folder / "patches" : folder) {}

io::FeatureBag CoordsFolder::of(const std::string& id) const {
  for (const char* ending : {".h5", "_patches.h5"}) {
    std::error_code ignored;
    if (fs::exists(folder_ / (id + ending), ignored)) return io::read_patches(folder_ / (id + ending));
  }
  throw Error(ErrorCode::kNotFound, id, "--coords holds neither " + id + ".h5 nor " + id + "_patches.h5",
              "Make its coordinates, or leave out --coords.");
}

io::FeatureBag CoordsFolder::any() const {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder_))
    if (entry.path().extension() == ".h5" && entry.path().filename().string().front() != '.')
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    try {
      return io::read_patches(file);
    } catch (const Error&) {
      // its slide will say so
    }
  }
  throw Error(ErrorCode::kNotFound, folder_.string(), "the folder holds no coordinates (*.h5)",
              "Name the patches folder of CLAM or TRIDENT.");
}

std::optional<double> tile_mpp(const io::BagGeometry& geometry, const std::map<std::string, std::string>& attributes) {
  if (const double asked = number_of(attributes, "requested_mpp"); asked > 0) return asked;  // ours
  if (const double power = number_of(attributes, "target_magnification"); power > 0) return 10 / power;
  if (geometry.mpp_target) return geometry.mpp_target;
  return {};
}

ReadPlan plan_of_coords(const io::FeatureBag& coords, const std::vector<io::SlideLevel>& levels, double mpp_level0,
                        const std::string& subject) {
  const io::BagGeometry& g = coords.geometry;
  const bool clam = of_clam(coords);
  if (g.tile_px <= 0 || (!clam && !(g.footprint_px > 0)))
    throw Error(ErrorCode::kCorrupt, subject, "its coordinates do not tell the size of a tile (patch_size)",
                "Make them again.");
  if (clam && static_cast<std::size_t>(g.level) >= levels.size())
    throw Error(ErrorCode::kCorrupt, subject,
                "its coordinates are for level " + std::to_string(g.level) + ", but the slide has " +
                    std::to_string(levels.size()) + " levels",
                "Use the slide they were made from.");
  const auto tile = static_cast<double>(g.tile_px);
  ReadPlan plan;
  if (clam) {
    // CLAM reads patch_size pixels of patch_level, whatever their scale (custom_downsample: reduced afterwards).
    plan.level = static_cast<int>(g.level);
    plan.level_downsample = levels[static_cast<std::size_t>(g.level)].downsample;
    plan.read_px = g.tile_px * std::max<std::int64_t>(
                                   1, static_cast<std::int64_t>(number_of(coords.attributes, "custom_downsample")));
    plan.footprint_px = rounded_px(static_cast<double>(plan.read_px) * plan.level_downsample);
    plan.mpp_tile = mpp_level0 * static_cast<double>(plan.footprint_px) / tile;
  } else {
    const double scale = g.footprint_px / tile;
    plan = plan_reads(levels, 1, {scale, g.tile_px, 0, true}, subject);
    plan.footprint_px = rounded_px(g.footprint_px);
    plan.mpp_tile *= mpp_level0;
  }
  plan.tile_px = g.tile_px, plan.step_px = plan.footprint_px;
  plan.overlap_px = static_cast<std::int64_t>(number_of(coords.attributes, "overlap"));
  plan.mpp_level0 = mpp_level0, plan.mpp_wanted = plan.mpp_tile;
  return plan;
}

}  // namespace fovea::pipeline::slide
