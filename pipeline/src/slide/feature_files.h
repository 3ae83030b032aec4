// Where the features of a slide go, in CLAM's or TRIDENT's folders, and whether they are there already.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <fovea/io/bag.h>
#include <fovea/io/bag_writer.h>

namespace fovea::pipeline::slide {

/// What makes two features files comparable: a file of another recipe is not taken for this one's.
struct FeatureRecipe {
  std::string encoder, encoder_sha256, preprocessing;
  double target_mpp = 0.5;
  std::int64_t tile_px = 256, overlap_px = 0, width = 0;
  io::ElementType type = io::ElementType::kF32;
};

class FeatureFiles {
 public:
  /// `layout` kClam: OUT/h5_files, OUT/pt_files, OUT/patches, OUT/previews. kTrident:
  /// OUT/20x_256px_0px_overlap/{patches,features_ENCODER,previews}, .pt beside the features. Makes the folders.
  FeatureFiles(std::filesystem::path out, io::BagLayout layout, FeatureRecipe recipe, bool with_pt);

  std::filesystem::path features(const std::string& id) const;
  std::filesystem::path patches(const std::string& id) const;
  std::filesystem::path pt(const std::string& id) const;
  std::filesystem::path preview(const std::string& id) const;
  std::filesystem::path lock(const std::string& id) const;

  io::BagLayout layout() const { return layout_; }
  bool with_pt() const { return with_pt_; }
  const FeatureRecipe& recipe() const { return recipe_; }

  struct Present {
    std::int64_t rows = 0, unreadable = 0;
    bool pt_missing = false;
  };
  /// Nothing when the slide is still to be done. Error(kWriteFailed) when a file of this name is of another recipe or
  /// another program, or is damaged: it is not ours to replace unless --overwrite is given.
  std::optional<Present> present(const std::string& id) const;

  /// Removes what processes that were killed left behind.
  int remove_leftovers() const;

 private:
  std::filesystem::path features_folder_, patches_folder_, pt_folder_, previews_folder_;
  io::BagLayout layout_;
  FeatureRecipe recipe_;
  bool with_pt_;
};

}  // namespace fovea::pipeline::slide
