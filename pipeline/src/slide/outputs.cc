#include "slide/prediction.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/attention_export.h>
#include <fovea/io/weights.h>

#include "output_set.h"
#include "slide/attention_figure.h"
#include "slide/attention_values.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

std::vector<float> floats_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  const at::Tensor values = tensor.detach().to(at::kFloat).contiguous();
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel()};
}

io::BagGeometry geometry_of(const Prediction& p) {
  io::BagGeometry geometry;
  geometry.footprint_px = p.footprint_px;
  geometry.mpp_level0 = p.plan->mpp_level0, geometry.mpp_target = p.plan->mpp_tile;
  geometry.tile_px = p.plan->tile_px, geometry.level = p.plan->level, geometry.read_px = p.plan->read_px;
  geometry.width = p.slide->levels.front().width, geometry.height = p.slide->levels.front().height;
  return geometry;
}

void write_features(const std::filesystem::path& path, const Prediction& p, const PredictOptions& options,
                    const io::Array& features) {
  io::FeatureBag bag;
  bag.features = features, bag.coords = p.coords, bag.geometry = geometry_of(p), bag.encoder = p.encoder_name;
  bag.slide = options.slide_name ? options.slide.stem().string() : p.slide->identity;
  bag.attributes = {{"overlap", std::to_string(p.plan->overlap_px)},
                    {"quickhash", p.slide->identity},
                    {"producer", "fovea " + version()},
                    {"segmentation", p.tissue->method}};
  io::write_bag(path, bag, io::BagLayout::kTrident);
}

void write_dump(const std::filesystem::path& path, const Prediction& p) {
  const std::int64_t k = p.branches, c = p.classes;
  std::map<std::string, io::Array> tensors;
  const auto add = [&](const char* name, const std::vector<float>& values, std::vector<std::int64_t> shape) {
    if (!values.empty()) tensors.emplace(name, io::make_array<float>(values, std::move(shape)));
  };
  const std::vector<std::int64_t> maps =
      p.heads > 1 ? std::vector<std::int64_t>{p.heads, k / p.heads, p.tiles} : std::vector<std::int64_t>{k, p.tiles};
  add("attn_raw", p.attention_raw, maps);
  add("attn_softmax", p.attention_softmax, maps);
  if (!p.branch_logits.empty())
    add("branch_logits", p.branch_logits, {static_cast<std::int64_t>(p.branch_logits.size()) / c, c});
  add("bag_logits", p.bag_logits, {1, c});
  add("bag_prob", p.bag_prob, {1, c});
  io::write_safetensors(path, tensors, {{"architecture", p.model.architecture}, {"model_sha256", p.model.sha256}});
}

}  // namespace

void take_output(Prediction& p, const models::MilOutput& output) {
  p.tiles = output.attn_raw.size(-1), p.classes = output.bag_logits.size(-1);
  p.branches = output.attn_raw.numel() / p.tiles;
  p.heads = output.attn_raw.dim() == 3 ? output.attn_raw.size(0) : 1;
  p.attention_raw = floats_of(output.attn_raw), p.attention_softmax = floats_of(output.attn_softmax);
  p.branch_logits = floats_of(output.branch_logits), p.bag_logits = floats_of(output.bag_logits);
  p.bag_prob = floats_of(output.bag_prob);
  if (std::abs(std::accumulate(p.bag_prob.begin(), p.bag_prob.end(), 0.0) - 1) > 1e-3)
    p.notices.push_back(
        "the classes of this model are independent: each probability is that of the class being present");
}

std::vector<std::string> stale_outputs(const Prediction& p, const PredictOptions& options, bool features) {
  std::vector<std::string> names, notices;
  if (p.coords.empty() || !(p.footprint_px > 0)) names = {"heatmap.png", "heatmap.geojson", "attention.h5"};
  if (!features) names.emplace_back("features.h5");
  for (const std::string& name : names)
    if (std::filesystem::exists(options.out / name))
      notices.push_back(name + " in the output folder is from an earlier run");
  return notices;
}

io::Image prediction_figure(const Prediction& p, const PredictOptions& options) {
  const std::vector<float> attention = branch_attention(p.attention_softmax, p.branches, options.branch);
  const DrawnValues drawn = drawn_values(attention, options.heatmap_scale);
  return attention_figure(p, options.branch, options.heatmap, drawn);
}

std::vector<std::filesystem::path> write_outputs(const Prediction& p, const PredictOptions& options,
                                                 const JobRequest& request, const std::optional<io::Array>& features,
                                                 const std::stop_token& stop) {
  OutputSet files(stop);
  const bool placed = !p.coords.empty() && p.footprint_px > 0;
  if (placed) {
    const std::vector<float> attention = branch_attention(p.attention_softmax, p.branches, options.branch);
    const DrawnValues drawn = drawn_values(attention, options.heatmap_scale);
    const std::vector<io::TissueRegion> none;
    const io::TileAttention tiles{p.coords,    p.footprint_px, p.attention_raw, p.attention_softmax,
                                  drawn.value, drawn.name,     p.branches};
    files.add(options.out / "heatmap.png",
              [&](const auto& path) { io::write_png(path, prediction_figure(p, options)); });
    files.add(options.out / "heatmap.geojson",
              [&](const auto& path) { io::write_geojson(path, tiles, p.tissue ? p.tissue->regions : none); });
    files.add(options.out / "attention.h5", [&](const auto& path) { io::write_attention_h5(path, tiles); });
  }
  if (features)
    files.add(options.out / "features.h5", [&](const auto& path) { write_features(path, p, options, *features); });
  if (!options.dump.empty()) files.add(options.dump, [&](const auto& path) { write_dump(path, p); });
  files.add(options.out / "prediction.json",
            [&](const auto& path) { io::write_file(path, prediction_json(p, options, request).dump(2) + "\n"); });
  return files.commit();
}

}  // namespace fovea::pipeline::slide
