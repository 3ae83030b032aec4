#include "slide/feature_files.h"

#include <charconv>
#include <cmath>
#include <set>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/file_lock.h>

#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

namespace fs = std::filesystem;
constexpr const char* kPatchesEnding = "_patches";

/// TRIDENT's name of a tiling; a magnification of 10 means 1 um/px.
std::string tiling_name(const FeatureRecipe& recipe) {
  return number_text(10 / recipe.target_mpp, 6) + "x_" + std::to_string(recipe.tile_px) + "px_" +
         std::to_string(recipe.overlap_px) + "px_overlap";
}

std::string attribute(const io::FeatureBag& bag, const std::string& name) {
  const auto found = bag.attributes.find(name);
  return found == bag.attributes.end() ? std::string{} : found->second;
}
std::int64_t whole(const std::string& text, std::int64_t otherwise) {
  std::int64_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// What differs, in words; empty: the same recipe.
std::string difference(const io::FeatureBag& bag, const FeatureRecipe& recipe) {
  if (attribute(bag, "complete_rows").empty()) return "is not of this program";
  if (bag.features.shape[0] != whole(attribute(bag, "complete_rows"), -1)) return "is not complete";
  if (attribute(bag, "encoder_sha256") != recipe.encoder_sha256 || bag.features.shape[1] != recipe.width)
    return "was made with encoder '" + bag.encoder + "' of other weights";
  if (attribute(bag, "preprocessing") != recipe.preprocessing) return "was made with another preprocessing";
  if (attribute(bag, "requested_mpp") != number_text(recipe.target_mpp, 6) || bag.geometry.tile_px != recipe.tile_px ||
      whole(attribute(bag, "overlap"), -1) != recipe.overlap_px)
    return "was made with tiles of another scale, size or overlap";
  if (bag.features.type != recipe.type) return "has another precision";
  return {};
}

}  // namespace

FeatureFiles::FeatureFiles(fs::path out, io::BagLayout layout, FeatureRecipe recipe, bool with_pt)
    : layout_(layout), recipe_(std::move(recipe)), with_pt_(with_pt) {
  if (layout == io::BagLayout::kClam) {
    features_folder_ = out / "h5_files", patches_folder_ = out / "patches", pt_folder_ = out / "pt_files";
  } else {
    const fs::path tiling = out / tiling_name(recipe_);
    features_folder_ = tiling / ("features_" + recipe_.encoder), patches_folder_ = tiling / "patches";
    pt_folder_ = features_folder_;
  }
  previews_folder_ = patches_folder_.parent_path() / "previews";
  io::prepare_output_folder(features_folder_);
  io::prepare_output_folder(patches_folder_);
  if (with_pt_) io::prepare_output_folder(pt_folder_);
}

fs::path FeatureFiles::features(const std::string& id) const {
  return features_folder_ / (id + ".h5");
}
fs::path FeatureFiles::patches(const std::string& id) const {
  return patches_folder_ / (id + (layout_ == io::BagLayout::kClam ? "" : kPatchesEnding) + ".h5");
}
fs::path FeatureFiles::pt(const std::string& id) const {
  return pt_folder_ / (id + ".pt");
}
fs::path FeatureFiles::preview(const std::string& id) const {
  return previews_folder_ / (id + ".jpg");
}
fs::path FeatureFiles::lock(const std::string& id) const {
  return features_folder_ / ("." + id + ".lock");
}

std::optional<FeatureFiles::Present> FeatureFiles::present(const std::string& id) const {
  std::error_code ignored;
  if (!fs::exists(features(id), ignored)) return {};
  std::string problem = "is damaged";
  io::FeatureBag bag;
  try {
    bag = io::read_bag_header(features(id));
    problem = difference(bag, recipe_);
  } catch (const Error&) {
  }
  if (!problem.empty())
    throw Error(ErrorCode::kWriteFailed, features(id).string(), "the file is there already, but " + problem,
                "Pass --overwrite to replace it, or choose another --out.");
  return Present{bag.features.shape[0], whole(attribute(bag, "unreadable_tiles"), 0),
                 with_pt_ && !fs::exists(pt(id), ignored)};
}

int FeatureFiles::remove_leftovers() const {
  const auto in_use = [this](std::string stem) {
    if (layout_ != io::BagLayout::kClam && stem.ends_with(kPatchesEnding))
      stem.resize(stem.size() - std::string(kPatchesEnding).size());
    return fs::exists(lock(stem)) && !io::FileLock::try_lock(lock(stem));
  };
  int removed = 0;
  for (const fs::path& folder : std::set<fs::path>{features_folder_, patches_folder_, pt_folder_, previews_folder_})
    removed += io::remove_stale_temporaries(folder, in_use);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(features_folder_, ignored))
    if (entry.path().extension() == ".lock") io::FileLock::try_lock(entry.path());  // and lets go: it is gone
  return removed;
}

}  // namespace fovea::pipeline::slide
