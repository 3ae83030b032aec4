#include "slide/feature_writer.h"

#include <algorithm>

#include <ATen/ops/index_select.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/tensor.h>

#include <fovea/base/error.h>
#include <fovea/pipeline/job.h>

#include "slide/words.h"
#include "tensor_bridge.h"

namespace fovea::pipeline::slide {
namespace {

io::BagGeometry geometry_of(const SlideWork& work) {
  const ReadPlan& plan = work.plan;
  io::BagGeometry geometry;
  geometry.footprint_px = static_cast<double>(plan.footprint_px);
  if (plan.mpp_level0 > 0) geometry.mpp_level0 = plan.mpp_level0;
  if (plan.mpp_tile > 0) geometry.mpp_target = plan.mpp_tile;
  geometry.tile_px = plan.tile_px, geometry.level = plan.level, geometry.read_px = plan.read_px;
  geometry.level_downsample = plan.level_downsample;
  if (!work.info.levels.empty())
    geometry.width = work.info.levels.front().width, geometry.height = work.info.levels.front().height;
  return geometry;
}

io::FeatureBag patches_of(const FeatureRecipe& recipe, const SlideEntry& entry, const SlideWork& work) {
  io::FeatureBag bag;
  bag.geometry = geometry_of(work), bag.slide = entry.id;
  bag.attributes = {{"overlap", std::to_string(recipe.overlap_px)},
                    {"requested_mpp", number_text(recipe.target_mpp, 6)},
                    {"quickhash", work.info.identity},
                    {"segmentation", work.tissue},
                    {"producer", "fovea " + version()}};
  return bag;
}

io::BagHeader header_of(const FeatureRecipe& recipe, const io::FeatureBag& patches, std::int64_t tiles) {
  io::BagHeader header{patches.geometry, recipe.encoder, patches.slide, patches.attributes,
                       recipe.type,      recipe.width,   tiles};
  header.attributes["encoder_sha256"] = recipe.encoder_sha256;
  header.attributes["preprocessing"] = recipe.preprocessing;
  return header;
}

}  // namespace

FeatureWriter::FeatureWriter(const FeatureFiles& files, const SlideEntry& entry, const SlideWork& work)
    : files_(files),
      id_(entry.id),
      patches_(patches_of(files.recipe(), entry, work)),
      of_slide_(work.coords),
      writer_(files.features(entry.id),
              header_of(files.recipe(), patches_, static_cast<std::int64_t>(work.coords.size()) / 2), files.layout()) {}

void FeatureWriter::append(const SlideRows& batch) {
  std::vector<std::int64_t> kept, coords;
  for (std::int64_t i = 0; i < batch.rows.size(0); ++i) {
    if (std::binary_search(batch.unreadable.begin(), batch.unreadable.end(), i)) continue;
    kept.push_back(i);
    const auto corner = of_slide_.begin() + 2 * (batch.first + i);
    coords.insert(coords.end(), corner, corner + 2);
  }
  unreadable_ += static_cast<std::int64_t>(batch.unreadable.size());
  if (kept.empty()) return;
  at::Tensor rows = batch.unreadable.empty() ? batch.rows : batch.rows.index_select(0, at::tensor(kept));
  const bool half = files_.recipe().type == io::ElementType::kF16;
  if (half) rows = rows.to(at::kHalf);
  if (!at::isfinite(rows).all().item<bool>())
    throw Error(ErrorCode::kCorrupt, id_,
                half ? "the encoder gave features that are no numbers, or too large for half precision"
                     : "the encoder gave features that are no numbers",
                half ? "Leave out --precision fp16." : "Check the encoder's weights.");
  writer_.append(to_array(rows), coords);
  coords_.insert(coords_.end(), coords.begin(), coords.end());
}

void FeatureWriter::commit() {
  if (coords_.empty() && !of_slide_.empty())
    throw Error(ErrorCode::kCorrupt, id_,
                "none of its " + std::to_string(of_slide_.size() / 2) + " tiles could be read",
                "Get another copy of the slide.");
  writer_.finish({{"unreadable_tiles", std::to_string(unreadable_)}});
  patches_.coords = coords_;
  io::write_patches(files_.patches(id_), patches_, files_.layout());
  if (files_.with_pt()) writer_.write_pt(files_.pt(id_));
  writer_.commit();
}

}  // namespace fovea::pipeline::slide
