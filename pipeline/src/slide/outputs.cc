#include "slide/prediction.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <limits>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/attention_export.h>
#include <fovea/io/weights.h>

#include "output_set.h"
#include "slide/attention_values.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

constexpr int kTopClasses = 6;  // in the picture's legend; all are in the JSON

std::vector<float> floats_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  const at::Tensor values = tensor.detach().to(at::kFloat).contiguous();
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel()};
}

Legend legend_of(const Prediction& p, const PredictOptions& options, const DrawnValues& drawn) {
  Legend legend;
  legend.title = drawn.caption, legend.low = drawn.low, legend.high = drawn.high;
  for (std::size_t i = 0; i < p.labels.size(); ++i) legend.classes.emplace_back(p.labels[i], p.bag_prob[i]);
  std::stable_sort(legend.classes.begin(), legend.classes.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (legend.classes.size() > kTopClasses) legend.classes.resize(kTopClasses);
  legend.lines.push_back(std::to_string(p.tiles) + " tiles, " +
                         (p.branches == 1 ? "one branch"
                          : options.branch < 0
                              ? "mean of " + std::to_string(p.branches) + (p.heads > 1 ? " maps" : " branches")
                              : "branch " + std::to_string(options.branch)));
  legend.lines.push_back("research use only");
  return legend;
}

io::Image slide_figure(const Prediction& p, const PredictOptions& options, const DrawnValues& drawn) {
  io::Image picture = p.thumbnail;
  const bool masked = p.tissue && !p.tissue->mask.pixels.empty();
  HeatmapContent content{p.coords, drawn.value, p.footprint_px, p.thumbnail_grid.frame};
  if (masked) content.tissue = &p.tissue->mask, content.tissue_frame = p.tissue->grid.frame;
  draw_attention(picture, content, options.heatmap);
  return with_legend(picture, legend_of(p, options, drawn), options.heatmap, p.thumbnail_grid.frame);
}

/// Without a slide: tiles on white, a margin of one tile around them.
io::Image bag_figure(const Prediction& p, const PredictOptions& options, const DrawnValues& drawn) {
  double low_x = std::numeric_limits<double>::max(), low_y = low_x, high_x = std::numeric_limits<double>::lowest(),
         high_y = high_x;
  for (std::size_t i = 0; i + 1 < p.coords.size(); i += 2) {
    const auto x = static_cast<double>(p.coords[i]), y = static_cast<double>(p.coords[i + 1]);
    low_x = std::min(low_x, x), low_y = std::min(low_y, y);
    high_x = std::max(high_x, x + p.footprint_px), high_y = std::max(high_y, y + p.footprint_px);
  }
  const double margin = p.footprint_px, width = high_x - low_x + 2 * margin, height = high_y - low_y + 2 * margin;
  const double mpp = p.bag_geometry ? p.bag_geometry->mpp_level0.value_or(0) : 0;
  HeatmapContent content{p.coords, drawn.value, p.footprint_px};
  const double pixel =
      std::max(std::max(width, height) / 1200, p.footprint_px / 48);  // a handful of tiles need not fill a wall
  content.frame = {low_x - margin, low_y - margin, pixel, mpp * pixel};
  io::Image picture(std::max(1, static_cast<int>(width / pixel)), std::max(1, static_cast<int>(height / pixel)), 3,
                    255);
  HeatmapStyle style = options.heatmap;
  style.alpha = std::max(style.alpha, 0.9);  // there is nothing below to see
  draw_attention(picture, content, style);
  return with_legend(picture, legend_of(p, options, drawn), style, content.frame);
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
    files.add(options.out / "heatmap.png", [&](const auto& path) {
      io::write_png(path, p.slide ? slide_figure(p, options, drawn) : bag_figure(p, options, drawn));
    });
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
